//! The admin port's gate: who may ask by TCP. Everything but the page itself needs the token, which no page of another origin
//! can send; a name that leads here by rebinding, and a page that asks from elsewhere, are refused before that. It must not
//! know what is asked.
use super::{Answer, Asked};
use crate::proto::http1::Method;

const PAGE: &str = include_str!("page.html");

/// What every answer of the port says: no other page may read, frame or run it.
pub(super) const FIELDS: &str = "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\n\
                                 Cross-Origin-Resource-Policy: same-origin\r\nCross-Origin-Opener-Policy: same-origin\r\n";

/// One admin port.
pub(super) struct Gate {
    port: u16,
    token: String,
    /// Pages so far: part of their nonces.
    pages: u64,
}

impl Gate {
    pub fn new(port: u16, token: String) -> Gate {
        Gate { port, token, pages: 0 }
    }

    /// The answer of the gate itself, if it does not let this through.
    pub fn stop(&mut self, asked: &Asked) -> Option<Answer> {
        let names = ["127.0.0.1", "localhost", "[::1]"].map(|name| format!("{name}:{}", self.port));
        let is_here = |host: &str| names.iter().any(|name| name.eq_ignore_ascii_case(host));
        if !asked.host.as_deref().is_some_and(is_here) {
            return Some(Answer::error(421, "ERR_HOST", "this is no name of the admin port"));
        }
        let foreign =
            asked.origin.as_deref().is_some_and(|origin| !origin.strip_prefix("http://").is_some_and(is_here));
        let far = asked.site.as_deref().is_some_and(|site| !["same-origin", "none"].contains(&site));
        // Following a link to the page is no harm: it can do nothing without its token.
        let is_page = asked.method == Method::Get && asked.path == "/";
        if foreign || (far && !is_page) {
            return Some(Answer::error(403, "ERR_ORIGIN", "another site's page may not ask here"));
        }
        if is_page {
            return Some(self.page());
        }
        let bearer = asked.authorization.as_deref().and_then(|value| value.strip_prefix("Bearer "));
        if !bearer.is_some_and(|told| is_same(told.as_bytes(), self.token.as_bytes())) {
            return Some(Answer::error(401, "ERR_TOKEN", "the token is missing or wrong: Authorization: Bearer TOKEN"));
        }
        None
    }

    fn page(&mut self) -> Answer {
        self.pages += 1;
        let seed = format!("skep page {} {}", self.pages, self.token);
        let nonce = blake3::hash(seed.as_bytes()).to_hex();
        let fields = format!(
            "Content-Security-Policy: default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
             connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
        );
        Answer { status: 200, kind: "text/html; charset=utf-8", fields, text: PAGE.replace("NONCE", &nonce) }
    }
}

/// Takes as long whatever is the same.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let (one, other) = (blake3::hash(one), blake3::hash(other));
    // Hashes are compared in constant time.
    one == other
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: Method, path: &str, host: &str) -> Asked {
        Asked { method, path: path.into(), host: Some(host.into()), ..Asked::default() }
    }

    fn status(gate: &mut Gate, asked: &Asked) -> u16 {
        gate.stop(asked).map_or(0, |answer| answer.status)
    }

    #[test]
    fn only_who_is_here_and_has_the_token_comes_through() {
        let mut gate = Gate::new(4000, "secret".into());
        let with = |told: &str| {
            let authorization = Some(told.to_owned());
            Asked { authorization, ..asked(Method::Post, "/tenants/a/stop", "127.0.0.1:4000") }
        };
        assert_eq!(status(&mut gate, &with("Bearer secret")), 0);
        for wrong in ["Bearer secre", "Bearer secrets", "secret", "bearer secret", "Bearer ", "Basic c2VjcmV0"] {
            assert_eq!(status(&mut gate, &with(wrong)), 401, "{wrong}");
        }
        let far = |origin: &str| Asked { origin: Some(origin.into()), ..with("Bearer secret") };
        assert_eq!(status(&mut gate, &far("http://localhost:4000")), 0);
        for wrong in ["http://evil.example", "null", "https://127.0.0.1:4000", "http://127.0.0.1:4001", ""] {
            assert_eq!(status(&mut gate, &far(wrong)), 403, "{wrong}");
        }
        let site = |site: &str| Asked { site: Some(site.into()), ..with("Bearer secret") };
        assert_eq!((status(&mut gate, &site("same-origin")), status(&mut gate, &site("none"))), (0, 0));
        assert_eq!((status(&mut gate, &site("cross-site")), status(&mut gate, &site("same-site"))), (403, 403));
        for host in ["evil.example", "127.0.0.1", "127.0.0.1:4001", "127.0.0.1.evil.example:4000", ""] {
            assert_eq!(status(&mut gate, &asked(Method::Get, "/", host)), 421, "{host}");
        }
        assert_eq!(status(&mut gate, &Asked { host: None, ..asked(Method::Get, "/", "") }), 421);
    }

    #[test]
    fn the_page_has_a_nonce_of_its_own_and_nothing_from_elsewhere() {
        let mut gate = Gate::new(4000, "secret".into());
        let mut page = || gate.stop(&asked(Method::Get, "/", "localhost:4000")).expect("the page");
        let (one, two) = (page(), page());
        assert_ne!(one.fields, two.fields);
        assert!(one.fields.contains("default-src 'none'") && one.fields.contains("frame-ancestors 'none'"));
        assert!(!one.text.contains("NONCE") && !one.text.contains("secret"));
        for word in ["http://", "https://", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!PAGE.contains(word), "{word}");
        }
    }
}
