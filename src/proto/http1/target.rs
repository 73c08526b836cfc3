//! Request targets and Host values: which forms are allowed, and that the two agree (R8, R9; RFC 9112 section 3.2).
//!
//! It must not rewrite anything: the script sees the target as it was sent.

use super::error::Reason;
use super::headers::is_reg_name_byte;
use super::method::Method;

/// Checks a target whose bytes are already known to be legal. `host` is a checked Host value.
pub(super) fn check(method: Method, target: &[u8], host: Option<&[u8]>) -> Result<(), Reason> {
    if method == Method::Connect {
        return if is_authority_with_port(target) { Ok(()) } else { Err(Reason::InvalidUrl) };
    }
    match target {
        [b'/', ..] => Ok(()),
        b"*" if matches!(method, Method::Options | Method::MSearch | Method::Notify) => Ok(()), // the last two are UPnP's
        _ => check_absolute(target, host),
    }
}

/// `scheme "://" [ userinfo "@" ] host path`: the host must be the one that Host names, which leaves user information out
/// (RFC 9112 section 3.2).
fn check_absolute(target: &[u8], host: Option<&[u8]>) -> Result<(), Reason> {
    let colon = target.iter().position(|&byte| byte == b':').ok_or(Reason::InvalidUrl)?;
    let (scheme, rest) = target.split_at(colon);
    let is_scheme_byte = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let starts_well = scheme.first().is_some_and(u8::is_ascii_alphabetic);
    let Some(rest) = rest.strip_prefix(b"://") else { return Err(Reason::InvalidUrl) };
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let authority = without_userinfo(&rest[..end]);
    if !starts_well || !scheme.iter().all(is_scheme_byte) || authority.is_empty() || !is_host(authority) {
        return Err(Reason::InvalidUrl);
    }
    let Some(host) = host else { return Ok(()) };
    let default_port = default_port(scheme);
    let same = without_port(authority, default_port).eq_ignore_ascii_case(without_port(host, default_port));
    if same { Ok(()) } else { Err(Reason::HostMismatch) }
}

/// What follows the first `@`. A second one is no byte of a host, so nobody can take another part for it.
fn without_userinfo(authority: &[u8]) -> &[u8] {
    let is_userinfo = |byte: &u8| is_reg_name_byte(*byte) || *byte == b':';
    match authority.iter().position(|&byte| byte == b'@') {
        Some(at) if authority[..at].iter().all(is_userinfo) => &authority[at + 1..],
        _ => authority,
    }
}

fn default_port(scheme: &[u8]) -> &'static [u8] {
    if scheme.eq_ignore_ascii_case(b"http") {
        b":80"
    } else if scheme.eq_ignore_ascii_case(b"https") {
        b":443"
    } else {
        b":"
    }
}

/// `authority` without an empty or default port.
fn without_port<'a>(authority: &'a [u8], default_port: &[u8]) -> &'a [u8] {
    authority.strip_suffix(default_port).or_else(|| authority.strip_suffix(b":")).unwrap_or(authority)
}

/// `uri-host [ ":" port ]` (RFC 9110 section 7.2), or nothing at all, which stands for a target without an authority.
pub(super) fn is_host(value: &[u8]) -> bool {
    let (host, port) = match value {
        [b'[', rest @ ..] => match rest.iter().position(|&byte| byte == b']') {
            Some(end) if is_ip_literal(&rest[..end]) => (&rest[..end], &rest[end + 1..]),
            _ => return false,
        },
        _ => {
            let colon = value.iter().position(|&byte| byte == b':').unwrap_or(value.len());
            let (host, port) = value.split_at(colon);
            if !host.iter().all(|&byte| is_reg_name_byte(byte)) {
                return false;
            }
            (host, port)
        }
    };
    match port {
        [] => true,
        [b':', digits @ ..] => !host.is_empty() && digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

fn is_ip_literal(bytes: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'.');
    !bytes.is_empty() && bytes.iter().all(is_allowed)
}

/// `uri-host ":" port`, as CONNECT needs it; the port is 1 to 65535.
fn is_authority_with_port(target: &[u8]) -> bool {
    let Some(colon) = target.iter().rposition(|&byte| byte == b':') else { return false };
    let (digits, host) = (&target[colon + 1..], &target[..colon]);
    let port = digits.iter().take(6).fold(0, |sum: u32, byte| sum * 10 + u32::from(byte.wrapping_sub(b'0')));
    !host.is_empty() && is_host(target) && !digits.is_empty() && (1..=65_535).contains(&port)
}
