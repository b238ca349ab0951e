// What tests need of the server that `hellosign emulator -- node --test` has started.

export const server = process.env.HELLOSIGN_SERVER;

/** A request to the control API, whose paths are in docs/emulator.md. */
export async function control(method, path, body) {
  const answer = await fetch(process.env.HELLOSIGN_CONTROL_URL + path, {
    method,
    headers: { Authorization: `Bearer ${process.env.HELLOSIGN_CONTROL_TOKEN}` },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) {
    throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  }
  return text ? JSON.parse(text) : undefined;
}

/** Makes the server as its fixtures have it, whatever the test before has done. */
export const reset = () => control("POST", "/reset");
