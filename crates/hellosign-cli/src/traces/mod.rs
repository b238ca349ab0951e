//! OpenTelemetry traces: a span for each request that the server has answered, sent to a collector by OTLP over HTTP.
//!
//! A span is made of the line that the server logs for an answer. So it has what the log has, and no more: the method,
//! the route, the status, the request's id; no path, no query, no secret.

mod collector;

use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use std::time::{Duration, SystemTime};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context as LayerContext, Layer};
use tracing_subscriber::registry::LookupSpan;

use self::collector::Collector;

/// Where the server says what it has answered.
const ANSWERED: &str = "hellosign_server::http::middleware";
/// Methods that a span may name; whatever else a client sends is "_OTHER", as the conventions have it.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Sends what is left when it is dropped.
#[derive(Debug)]
pub(crate) struct Exporting(SdkTracerProvider);

impl Drop for Exporting {
    fn drop(&mut self) {
        // Best effort: a collector that is away keeps nobody.
        let _ = self.0.shutdown_with_timeout(Duration::from_secs(5));
    }
}

/// What exports, and the layer that feeds it. The endpoint, its headers, sampling and batching are those of the
/// standard's variables, which the SDK reads.
///
/// # Errors
/// Where they say something that cannot be done.
pub(crate) fn start<S>(timeout: Duration) -> anyhow::Result<(Exporting, impl Layer<S> + Send + Sync)>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Collector { timeout })
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(timeout)
        .build()?;
    // Before the environment's own, which goes first.
    let resource =
        Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    let resource = match crate::config::variable("OTEL_SERVICE_NAME") {
        Some(_) => resource,
        None => resource.with_service_name("hellosign"),
    };
    let provider =
        SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build();
    let layer = Traces { tracer: provider.tracer("hellosign") };
    Ok((Exporting(provider), layer.with_filter(Targets::new().with_target(ANSWERED, LevelFilter::INFO))))
}

/// Makes a span of each answer.
struct Traces {
    tracer: SdkTracer,
}

/// What a request's span says.
#[derive(Default)]
struct Request {
    request_id: String,
    /// The caller's span.
    parent: Option<SpanContext>,
}

impl Visit for Request {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "request_id" => self.request_id = format!("{value:?}"),
            "traceparent" => self.parent = parent(&format!("{value:?}")),
            _ => {}
        }
    }
}

/// What is said of an answer.
#[derive(Default)]
struct Answer {
    method: String,
    route: String,
    status: Option<u16>,
    took: Duration,
}

impl Visit for Answer {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "status" {
            self.status = u16::try_from(value).ok();
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        if field.name() == "micros" {
            self.took = Duration::from_micros(u64::try_from(value).unwrap_or(u64::MAX));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "method" => self.method = format!("{value:?}"),
            "route" => self.route = format!("{value:?}"),
            _ => {}
        }
    }
}

impl<S> Layer<S> for Traces
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: LayerContext<'_, S>) {
        let mut request = Request::default();
        attributes.record(&mut request);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(request);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: LayerContext<'_, S>) {
        let Some(span) = context.event_span(event) else { return };
        let mut answer = Answer::default();
        event.record(&mut answer);
        let Some(status) = answer.status else { return };
        let extensions = span.extensions();
        if let Some(request) = extensions.get::<Request>() {
            self.export(request, &answer, status);
        }
    }
}

impl Traces {
    fn export(&self, request: &Request, answer: &Answer, status: u16) {
        let method = METHODS.into_iter().find(|method| *method == answer.method).unwrap_or("_OTHER");
        #[expect(
            clippy::disallowed_methods,
            reason = "other programs' spans are by this machine's clock, too"
        )]
        let ended = SystemTime::now();
        let mut attributes = vec![
            KeyValue::new("http.request.method", method),
            KeyValue::new("http.route", answer.route.clone()),
            KeyValue::new("http.response.status_code", i64::from(status)),
            KeyValue::new("hellosign.request_id", request.request_id.clone()),
        ];
        if status >= 500 {
            attributes.push(KeyValue::new("error.type", status.to_string()));
        }
        let builder = self
            .tracer
            .span_builder(format!("{method} {}", answer.route))
            .with_kind(SpanKind::Server)
            .with_start_time(ended.checked_sub(answer.took).unwrap_or(ended))
            .with_attributes(attributes);
        let parent = request.parent.clone().map(|parent| Context::new().with_remote_span_context(parent));
        let mut span = self.tracer.build_with_context(builder, &parent.unwrap_or_default());
        if status >= 500 {
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(ended);
    }
}

/// The caller's span, as the server has found its header to be.
fn parent(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-').skip(1);
    let trace_id = TraceId::from_hex(parts.next()?).ok()?;
    let span_id = SpanId::from_hex(parts.next()?).ok()?;
    let flags = TraceFlags::new(u8::from_str_radix(parts.next()?, 16).ok()?);
    Some(SpanContext::new(trace_id, span_id, flags, true, TraceState::default()))
}
