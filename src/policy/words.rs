//! How grants and limits are written, on the command line and in a configuration alike. It must not know where they stand.
use super::NetRule;
use std::time::Duration;

/// `HOST:PORT`, `HOST` or `:PORT`; the host is an address, since grants are judged on addresses.
///
/// # Errors
/// What is wrong with it.
pub fn net_rule(text: &str) -> Result<NetRule, String> {
    let host = |host: &str| match host.trim_start_matches('[').trim_end_matches(']') {
        "" => Ok(None),
        "localhost" => Ok(Some([127, 0, 0, 1].into())),
        host => host.parse().map(Some).map_err(|_| format!("an address is needed, and {host:?} is none")),
    };
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, port),
        _ => (text, ""),
    };
    let port = if port.is_empty() { None } else { Some(port.parse().map_err(|_| format!("{port:?} is no port"))?) };
    Ok(NetRule { host: host(name)?, port })
}

/// Bytes; K, M and G are powers of 1024, a bare number is MiB as in Node's --max-old-space-size.
pub fn size(text: &str) -> Option<u64> {
    let (number, unit) = match text
        .trim_end_matches(['B', 'b', 'i'])
        .split_at_checked(text.trim_end_matches(['B', 'b', 'i']).len().checked_sub(1)?)?
    {
        (number, "K" | "k") => (number, 1 << 10),
        (number, "M" | "m") => (number, 1 << 20),
        (number, "G" | "g") => (number, 1 << 30),
        _ => (text, 1 << 20),
    };
    number.parse::<u64>().ok()?.checked_mul(unit).filter(|&bytes| (4 << 20..=4 << 30).contains(&bytes))
}

/// An amount: K, M, G or T, each 1024 times the one before; a bare number is bytes.
pub fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = match text.split_at_checked(text.len().checked_sub(1)?)? {
        (number, "K" | "k") => (number, 1 << 10),
        (number, "M" | "m") => (number, 1 << 20),
        (number, "G" | "g") => (number, 1 << 30),
        (number, "T" | "t") => (number, 1 << 40),
        _ => (text, 1),
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// A time: ms, s or m; a bare number is seconds.
pub fn span(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => match text.strip_suffix('m') {
            Some(number) => (number, 60.0),
            None => (text.strip_suffix('s').unwrap_or(text), 1.0),
        },
    };
    let seconds = number.parse::<f64>().ok()? * unit;
    Duration::try_from_secs_f64(seconds).ok().filter(|span| !span.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times() {
        assert_eq!(size("64M"), Some(64 << 20));
        assert_eq!(size("64"), Some(64 << 20));
        assert_eq!(size("1GiB"), Some(1 << 30));
        assert_eq!(size("8G"), None);
        assert_eq!(size("x"), None);
        assert_eq!(span("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(span("2"), Some(Duration::from_secs(2)));
        assert_eq!(span("0"), None);
    }

    #[test]
    fn net_rules() {
        let rule = |text| net_rule(text).ok();
        assert_eq!(rule("10.0.0.1:80"), Some(NetRule { host: Some([10, 0, 0, 1].into()), port: Some(80) }));
        assert_eq!(rule(":80"), Some(NetRule { host: None, port: Some(80) }));
        assert_eq!(rule("::1"), Some(NetRule { host: Some("::1".parse().expect("an address")), port: None }));
        assert_eq!(rule("[::1]:8"), Some(NetRule { host: Some("::1".parse().expect("an address")), port: Some(8) }));
        assert_eq!(rule("example.org:80"), None);
        assert_eq!(rule("1.2.3.4:x"), None);
    }
}
