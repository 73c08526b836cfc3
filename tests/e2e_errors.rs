//! What errors tell a script: nothing of the host but what it was given, its folder and `process.execPath` (row L03). It must not
//! know what throws them.
mod support;

use support::serve::{Hive, plain, tenants};
use support::{eventually, folder};

#[test]
fn l03_no_error_tells_of_the_host() {
    let cache = folder().join("cache-of-the-host");
    let place = tenants(&[
        ("own/index.js", include_str!("js/errors_of_everything.js")),
        ("quiet-tenant/index.js", &plain("quiet")),
    ]);
    let mut command = support::serve::serving(&place, &[]);
    command.env("SKEP_CACHE_DIR", &cache).env("A_NAME_OF_THE_HOST", "a-value-of-the-host");
    let hive = Hive::start_after("", &command);
    assert_eq!(hive.get("quiet-tenant.localhost", "/").text(), "quiet /");
    let mut said = String::new();
    eventually("it has made all calls", || {
        said = hive.get("own.localhost", "/").text();
        !said.is_empty()
    });
    let said: Vec<String> = serde_json::from_str(&said).expect("it tells what it has seen");
    assert!(said.len() > 1500, "{} things were said", said.len());
    for word in ["ERR_ACCESS_DENIED", "ENOENT", "ERR_INVALID_ARG_TYPE", "ERR_METHOD_NOT_IMPLEMENTED", "SyntaxError"] {
        assert!(said.iter().any(|line| line.contains(word)), "none is {word}");
    }
    let home = std::env::var("HOME").unwrap_or_else(|_| "/root".into());
    let cache = cache.to_string_lossy().into_owned();
    // Folders, addresses, sources and values of the host's, and a neighbour's name.
    let words = ["/proc/self", "-of-the-host", "quiet", "0x7f", "0x55", ".rs:", "panicked", "wasmtime", "skep-"];
    let (own, above) = (place.join("own").to_string_lossy().into_owned(), place.to_string_lossy().into_owned());
    for line in &said {
        let line = line.replace(&own, "").replace(&above, "").replace(env!("CARGO_BIN_EXE_skep"), "");
        let told = words.iter().copied().chain([cache.as_str(), home.as_str()]).find(|word| line.contains(word));
        assert_eq!(told, None, "{line}");
    }
}
