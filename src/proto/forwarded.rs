//! What a front adds to a request's head for the script behind it: `X-Forwarded-For`, `-Proto` and `-Host`. Lines of the
//! client's that say such things leave the table of fields; its bytes stay as they were sent. It must not know which front
//! does so.
use super::http1::{Field, Head, HeaderId};
use core::net::IpAddr;

/// Bytes of a list that goes on, and of a host that is told: a head has a bound, what is added to it has one too.
const LIST_BYTES: usize = 8 << 10;
const HOST_BYTES: usize = 1 << 10;

/// Whose word counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Believed {
    /// Nobody's: whatever the request says of its way here is taken away.
    Nobody,
    /// The one who sends it is a proxy: its list goes on, and what it says of protocol and host stays.
    Sender,
}

/// A head as it is told: the table of fields, and the bytes that they stand in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retold {
    pub fields: Vec<Field>,
    pub bytes: Vec<u8>,
}

impl Retold {
    pub fn new(head: &Head<'_>) -> Retold {
        Retold { fields: head.fields.to_vec(), bytes: head.bytes.to_vec() }
    }

    /// Adds a line. A value has been seen in a head, or is made of plain text.
    pub fn add(&mut self, name: &str, value: &[u8]) {
        let at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(b": ");
        self.bytes.extend_from_slice(value);
        self.bytes.extend_from_slice(b"\r\n");
        self.fields.push(Field {
            name: at,
            value: at + name.len() as u32 + 2,
            value_len: value.len() as u32,
            name_len: name.len() as u16,
            id: HeaderId::of(name.as_bytes()),
        });
    }

    /// Takes the lines out whose name is one of these; answers their values.
    pub fn take(&mut self, is_named: impl Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
        let bytes = &self.bytes;
        let mut taken = Vec::new();
        self.fields.retain(|field| {
            let found = is_named(field.name_in(bytes));
            if found {
                taken.push(field.value_in(bytes).to_vec());
            }
            !found
        });
        taken
    }

    fn take_name(&mut self, name: &str) -> Vec<Vec<u8>> {
        self.take(|other| other.eq_ignore_ascii_case(name.as_bytes()))
    }
}

/// Says where the request comes from: this address, in TLS or not.
pub fn forward(retold: &mut Retold, client: IpAddr, tls: bool, believed: Believed) {
    let host = retold.fields.iter().find(|field| field.id == HeaderId::Host);
    let own_host = host.map(|field| field.value_in(&retold.bytes).to_vec());
    let mut list = retold.take_name("x-forwarded-for");
    let mut proto = retold.take_name("x-forwarded-proto");
    let mut host = retold.take_name("x-forwarded-host");
    if believed == Believed::Nobody {
        retold.take(is_of_the_way);
        list.clear();
        proto.clear();
        host.clear();
    }
    // The nearest are the ones that are believed.
    while list.iter().map(|one| one.len() + 2).sum::<usize>() > LIST_BYTES {
        list.remove(0);
    }
    list.push(client.to_canonical().to_string().into_bytes());
    retold.add("X-Forwarded-For", &list.join(&b", "[..]));
    // Said twice is said by two: neither is believed.
    let told = match &proto[..] {
        [one] if one == b"https" || one == b"http" => one,
        _ if tls => &b"https"[..],
        _ => b"http",
    };
    retold.add("X-Forwarded-Proto", told);
    let told = match &host[..] {
        [one] if !one.is_empty() => Some(one.clone()),
        _ => own_host,
    };
    if let Some(host) = told.filter(|host| host.len() <= HOST_BYTES) {
        retold.add("X-Forwarded-Host", &host);
    }
}

/// Names by which proxies tell of a request's way.
fn is_of_the_way(name: &[u8]) -> bool {
    let begins = name.get(..12).is_some_and(|start| start.eq_ignore_ascii_case(b"x-forwarded-"));
    begins || [&b"forwarded"[..], b"x-real-ip"].iter().any(|other| name.eq_ignore_ascii_case(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::http1::{Decoder, Item, Limits, Role, Scratch};

    fn told(lines: &str, client: &str, tls: bool, believed: Believed) -> Vec<String> {
        let text = format!("GET / HTTP/1.1\r\nHost: a.example\r\n{lines}\r\n");
        let mut scratch = Scratch::default();
        let mut decoder = Decoder::new(Role::Server);
        let Item::Head(head) = decoder.decode(text.as_bytes(), &Limits::default(), &mut scratch).item else {
            panic!("no head: {text}")
        };
        let mut retold = Retold::new(&head);
        forward(&mut retold, client.parse().expect("an address"), tls, believed);
        assert!(retold.bytes.starts_with(text.as_bytes()), "what was sent stays");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        let line =
            |field: &Field| format!("{}={}", text(field.name_in(&retold.bytes)), text(field.value_in(&retold.bytes)));
        retold.fields.iter().map(line).collect()
    }

    #[test]
    fn nobody_is_believed() {
        let lies = "X-Forwarded-For: 127.0.0.1\r\nx-forwarded-FOR: ::1\r\nX-Forwarded-Proto: https\r\nX-Real-IP: 1.1.1.1\r\n\
                    Forwarded: for=1.1.1.1\r\nX-Forwarded-Host: bank\r\nX-Forwarded-Port: 1\r\nAccept: */*\r\n";
        let expected = [
            "Host=a.example",
            "Accept=*/*",
            "X-Forwarded-For=192.0.2.7",
            "X-Forwarded-Proto=http",
            "X-Forwarded-Host=a.example",
        ];
        assert_eq!(told(lies, "192.0.2.7", false, Believed::Nobody), expected);
        let plain = told("", "::ffff:192.0.2.7", true, Believed::Nobody);
        assert_eq!(plain[1..3], ["X-Forwarded-For=192.0.2.7", "X-Forwarded-Proto=https"]);
    }

    #[test]
    fn a_proxy_is_believed_and_its_list_goes_on() {
        let lines = "X-Forwarded-For: 203.0.113.1, 10.0.0.9\r\nX-Forwarded-For: 10.0.0.8\r\nX-Forwarded-Proto: https\r\n\
                     X-Forwarded-Host: b.example\r\nForwarded: for=x\r\n";
        let expected = [
            "Host=a.example",
            "Forwarded=for=x",
            "X-Forwarded-For=203.0.113.1, 10.0.0.9, 10.0.0.8, 10.0.0.1",
            "X-Forwarded-Proto=https",
            "X-Forwarded-Host=b.example",
        ];
        assert_eq!(told(lines, "10.0.0.1", false, Believed::Sender), expected);
        let twice =
            "X-Forwarded-Proto: https\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\nX-Forwarded-Host: b\r\n";
        let own = told(twice, "10.0.0.1", false, Believed::Sender);
        assert_eq!(own[2..], ["X-Forwarded-Proto=http", "X-Forwarded-Host=a.example"]);
        let odd = told("X-Forwarded-Proto: gopher\r\n", "10.0.0.1", true, Believed::Sender);
        assert_eq!(odd[2], "X-Forwarded-Proto=https");
    }
}
