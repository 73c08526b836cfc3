//! The routing table: from a request's Host field and target to its tenant. It must not know connections, nor what a
//! tenant is besides its number.
use std::collections::HashMap;

/// Longest host name that is looked up: DNS's own bound is 253.
const HOST_BYTES: usize = 255;

/// Which hosts and paths are whose.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    exact: HashMap<Box<[u8]>, Vec<Place>>,
    /// By what stands behind `*.`.
    below: HashMap<Box<[u8]>, Vec<Place>>,
    /// Whatever the host, and without one.
    any: Vec<Place>,
}

/// One path prefix of a host; the longest first.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    /// Without its last slash: the root is empty.
    path: Box<[u8]>,
    tenant: u32,
}

impl Routes {
    /// Requests for `host` (a name, `*.name`, or `*` for all) below `path` are the tenant's. Answers whose they already
    /// are, if they are another's.
    pub fn add(&mut self, host: &str, path: &str, tenant: u32) -> Option<u32> {
        let host = host.to_ascii_lowercase();
        let places = match host.strip_prefix("*.") {
            _ if host == "*" => &mut self.any,
            Some(suffix) => self.below.entry(suffix.as_bytes().into()).or_default(),
            None => self.exact.entry(host.as_bytes().into()).or_default(),
        };
        let path: Box<[u8]> = path.trim_end_matches('/').as_bytes().into();
        if let Some(place) = places.iter().find(|place| place.path == path) {
            return Some(place.tenant).filter(|other| *other != tenant);
        }
        let at = places.partition_point(|place| place.path.len() >= path.len());
        places.insert(at, Place { path, tenant });
        None
    }

    /// All whose requests for this host may be, whatever the path; of the most exact host that is known.
    pub fn hosted(&self, host: Option<&[u8]>) -> Vec<u32> {
        let mut lower = [0; HOST_BYTES];
        let name = host.and_then(|host| name_of(host, &mut lower)).unwrap_or_default();
        let below = |at: usize| self.below.get(&name[at + 1..]);
        let dots = name.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at);
        let places = self.exact.get(name).or_else(|| dots.into_iter().find_map(below)).unwrap_or(&self.any);
        let mut tenants: Vec<u32> = places.iter().map(|place| place.tenant).collect();
        tenants.sort_unstable();
        tenants.dedup();
        tenants
    }

    /// Whose this request is. The most exact host with a path that fits wins.
    pub fn find(&self, host: Option<&[u8]>, target: &[u8]) -> Option<u32> {
        let path = path_of(target);
        let fits = |places: &Vec<Place>| places.iter().find(|place| place.holds(path)).map(|place| place.tenant);
        let mut lower = [0; HOST_BYTES];
        if let Some(name) = host.and_then(|host| name_of(host, &mut lower)) {
            if let Some(found) = self.exact.get(name).and_then(fits) {
                return Some(found);
            }
            if !self.below.is_empty() {
                let dots = name.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at);
                for at in dots {
                    if let Some(found) = self.below.get(&name[at + 1..]).and_then(fits) {
                        return Some(found);
                    }
                }
            }
        }
        fits(&self.any)
    }
}

/// Whether a Host field, which may be missing, is about this name.
pub fn names(host: Option<&[u8]>, name: &str) -> bool {
    let mut lower = [0; HOST_BYTES];
    host.and_then(|host| name_of(host, &mut lower)).is_some_and(|host| host.eq_ignore_ascii_case(name.as_bytes()))
}

impl Place {
    fn holds(&self, path: &[u8]) -> bool {
        path.strip_prefix(&*self.path).is_some_and(|rest| matches!(rest.first(), None | Some(b'/' | b'?' | b'#')))
    }
}

/// A Host field's name in small letters, without port and last dot; none when no name is that long.
fn name_of<'a>(host: &[u8], lower: &'a mut [u8; HOST_BYTES]) -> Option<&'a [u8]> {
    let end = match host.iter().rposition(|&byte| byte == b':' || byte == b']') {
        Some(at) if host[at] == b':' => at,
        _ => host.len(),
    };
    let name = host[..end].strip_suffix(b".").unwrap_or(&host[..end]);
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    Some(lower)
}

/// The path of a request target, whatever its form. What has none (`*`, an authority) is about the root.
fn path_of(target: &[u8]) -> &[u8] {
    if target.first() == Some(&b'/') {
        return target;
    }
    let Some(authority) = target.windows(3).position(|three| three == b"://").map(|at| &target[at + 3..]) else {
        return b"/";
    };
    authority.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).map_or(b"/", |at| &authority[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Routes {
        let mut routes = Routes::default();
        for (host, path, tenant) in [
            ("a.example", "/", 1),
            ("a.example", "/api", 2),
            ("*.example", "/", 3),
            ("*.b.example", "/x/", 4),
            ("*", "/any", 5),
        ] {
            assert_eq!(routes.add(host, path, tenant), None);
        }
        routes
    }

    #[test]
    fn the_most_exact_host_and_the_longest_path_win() {
        let routes = table();
        let find = |host: &str, target: &str| routes.find(Some(host.as_bytes()), target.as_bytes());
        assert_eq!(find("a.example", "/"), Some(1));
        assert_eq!(find("A.Example.:8080", "/apis"), Some(1));
        assert_eq!(find("a.example", "/api"), Some(2));
        assert_eq!(find("a.example", "/api?x"), Some(2));
        assert_eq!(find("a.example", "/api/y"), Some(2));
        assert_eq!(find("c.example", "/api"), Some(3));
        assert_eq!(find("c.d.example", "/"), Some(3));
        assert_eq!(find("c.b.example", "/x/y"), Some(4));
        assert_eq!(find("c.b.example", "/y"), Some(3));
        assert_eq!(find("example", "/"), None);
        assert_eq!(find("other.test", "/any"), Some(5));
        assert_eq!(routes.find(None, b"/any"), Some(5));
        assert_eq!(routes.find(None, b"/"), None);
    }

    #[test]
    fn every_form_of_target_has_a_path() {
        let routes = table();
        let find = |target: &str| routes.find(Some(b"a.example"), target.as_bytes());
        assert_eq!(find("http://a.example/api"), Some(2));
        assert_eq!(find("http://a.example"), Some(1));
        assert_eq!(find("http://a.example?/api"), Some(1), "a query is no path");
        assert_eq!(find("*"), Some(1));
        assert_eq!(find("a.example:443"), Some(1));
    }

    #[test]
    fn one_place_has_one_tenant() {
        let mut routes = table();
        assert_eq!(routes.add("A.example", "/api/", 9), Some(2));
        assert_eq!(routes.add("a.example", "/api", 2), None);
        assert_eq!(routes.find(Some(&[b'a'; 300]), b"/any"), Some(5), "no name is that long");
    }
}
