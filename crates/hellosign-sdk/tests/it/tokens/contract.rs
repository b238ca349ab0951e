//! What every store has to hold to.

use std::sync::Arc;

use hellosign_sdk::tokens::{FileTokenStore, MemoryTokenStore, Stored, TokenStore};

/// `reopened` sees what the store has written.
async fn holds(store: Arc<dyn TokenStore>, reopened: &dyn Fn() -> Arc<dyn TokenStore>) {
    assert_eq!(store.load("jill").await.unwrap(), None);
    assert!(!store.replace("jill", Some(1), 2, Some(b"x")).await.unwrap(), "there is nothing to replace");
    assert!(store.replace("jill", None, 1, Some(b"first")).await.unwrap());
    assert!(!store.replace("jill", None, 2, Some(b"second")).await.unwrap(), "there is something already");
    assert!(!store.replace("jill", Some(7), 2, Some(b"second")).await.unwrap(), "it is another one");
    assert_eq!(store.load("jill").await.unwrap(), Some(Stored::new(1, b"first".to_vec())));
    assert!(store.replace("jill", Some(1), 2, Some(b"second")).await.unwrap());
    assert!(!store.replace("jill", Some(1), 3, Some(b"third")).await.unwrap());
    assert_eq!(reopened().load("jill").await.unwrap(), Some(Stored::new(2, b"second".to_vec())));

    assert!(!store.replace("jill", Some(1), 3, None).await.unwrap());
    assert!(store.replace("jill", Some(2), 3, None).await.unwrap());
    assert_eq!(store.load("jill").await.unwrap(), None);

    let odd = ["jack@example.com", "Jack@example.com", "../escape", "käthe", "a b%2f", "42", ".", "con"];
    for name in odd {
        assert!(store.replace(name, None, 1, Some(name.as_bytes())).await.unwrap(), "{name}");
    }
    for name in odd {
        assert_eq!(store.load(name).await.unwrap().unwrap().content, name.as_bytes());
    }
    let mut sorted = odd;
    sorted.sort_unstable();
    assert_eq!(reopened().accounts(None, 100).await.unwrap(), sorted);
    assert_eq!(store.accounts(None, 3).await.unwrap(), sorted[..3]);
    assert_eq!(store.accounts(Some(sorted[2]), 2).await.unwrap(), sorted[3..5]);

    one_of_many_replaces(reopened).await;
}

/// Many count to a hundred together: none is lost and none counts twice.
async fn one_of_many_replaces(reopened: &dyn Fn() -> Arc<dyn TokenStore>) {
    reopened().replace("counted", None, 0, Some(b"")).await.unwrap();
    let counting: Vec<_> = (0..8)
        .map(|_| {
            let store = reopened();
            tokio::spawn(async move {
                let mut counted = 0;
                loop {
                    let stored = store.load("counted").await.unwrap().unwrap();
                    if stored.version == 100 {
                        return counted;
                    }
                    let content = vec![b'.'; stored.content.len() + 1];
                    let next = stored.version + 1;
                    let replaced =
                        store.replace("counted", Some(stored.version), next, Some(&content)).await.unwrap();
                    counted += u32::from(replaced);
                }
            })
        })
        .collect();
    let mut counted = 0;
    for one in counting {
        counted += one.await.unwrap();
    }
    assert_eq!(counted, 100);
    assert_eq!(reopened().load("counted").await.unwrap().unwrap().content.len(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory() {
    let store = Arc::new(MemoryTokenStore::default());
    holds(Arc::clone(&store) as _, &|| Arc::clone(&store) as _).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deep/tokens");
    let open = || Arc::new(FileTokenStore::open(&path).unwrap()) as Arc<dyn TokenStore>;
    holds(open(), &open).await;

    let long = "a".repeat(300);
    assert!(open().load(&long).await.unwrap_err().to_string().contains("too long"));
    assert!(open().load("").await.is_err());
    {
        use std::os::unix::fs::PermissionsExt as _;
        for path in [path.clone(), path.join("42.grant"), path.join("locks")] {
            let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o077;
            assert_eq!(mode, 0, "{}", path.display());
        }
    }
    // Whoever may write there may take a grant away, or put an old one back.
    let set_mode = |mode| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    for mode in [0o777, 0o1777, 0o702] {
        set_mode(mode);
        let error = FileTokenStore::open(&path).unwrap_err().to_string();
        assert!(error.contains("deep/tokens") && error.contains("anybody"), "{error}");
    }
    set_mode(0o755);
    open();
    std::fs::write(path.join("cut.grant"), b"shrt").unwrap();
    assert!(open().load("cut").await.unwrap_err().to_string().contains("cut.grant"), "it says which file");
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite() {
    use std::os::unix::fs::PermissionsExt as _;

    use hellosign_sdk::tokens::SqliteTokenStore;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.db");
    let open = || Arc::new(SqliteTokenStore::open(&path).unwrap()) as Arc<dyn TokenStore>;
    holds(open(), &open).await;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0);
    for round in 0..10 {
        let path = directory.path().join(format!("{round}.db"));
        let opening: Vec<_> = (0..8)
            .map(|_| {
                let path = path.clone();
                tokio::task::spawn_blocking(move || SqliteTokenStore::open(path).map(drop))
            })
            .collect();
        for one in opening {
            one.await.unwrap().unwrap();
        }
    }

    let odd = u64::MAX - 1;
    assert!(
        open().replace("version", None, odd, Some(b"x")).await.unwrap(),
        "all 64 bits of a version count"
    );
    assert_eq!(open().load("version").await.unwrap().unwrap().version, odd);
    let no_database = directory.path().join("other");
    std::fs::write(&no_database, "this is no database, and it is long enough to be taken for none").unwrap();
    assert!(SqliteTokenStore::open(&no_database).unwrap_err().to_string().contains("other"));
}

/// How many accounts a store is filled with: the full size is `./check --long`'s.
fn accounts() -> usize {
    #[expect(clippy::disallowed_methods, reason = "how ./check tells the tests their sizes")]
    let is_long = std::env::var_os("HELLOSIGN_LONG").is_some();
    if is_long { 100_000 } else { 1_000 }
}

/// All are there, in the order of their names, and the last is found as the first is.
async fn keeps_many(store: Arc<dyn TokenStore>) {
    let count = accounts();
    let name = |n: usize| format!("account-{n:06}");
    let filling: Vec<_> = (0..8)
        .map(|part| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for n in (part..count).step_by(8) {
                    assert!(store.replace(&name(n), None, 1, Some(&[7; 400])).await.unwrap());
                }
            })
        })
        .collect();
    for part in filling {
        part.await.unwrap();
    }
    let mut listed = 0;
    let mut last: Option<String> = None;
    loop {
        let page = store.accounts(last.as_deref(), count / 10).await.unwrap();
        for found in &page {
            assert_eq!(*found, name(listed));
            listed += 1;
        }
        let Some(end) = page.last() else { break };
        last = Some(end.clone());
    }
    assert_eq!(listed, count);
    for n in [0, count / 2, count - 1] {
        assert_eq!(store.load(&name(n)).await.unwrap().unwrap().content, [7; 400]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_a_hundred_thousand_accounts() {
    let directory = tempfile::tempdir().unwrap();
    keeps_many(Arc::new(FileTokenStore::open(directory.path().join("tokens")).unwrap())).await;
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_a_hundred_thousand_accounts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.db");
    keeps_many(Arc::new(hellosign_sdk::tokens::SqliteTokenStore::open(path).unwrap())).await;
}
