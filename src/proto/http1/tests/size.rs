//! What a connection costs: inline sizes, and that the fast path keeps nothing.

use super::*;

#[test]
fn size_of_what_each_connection_keeps() {
    assert!(size_of::<Decoder>() <= 64, "{}", size_of::<Decoder>());
    assert!(size_of::<ResponseFraming>() <= 24, "{}", size_of::<ResponseFraming>());
    assert_eq!(size_of::<Field>(), 16, "the guest's offset table has this stride");
}

#[test]
fn size_whole_heads_are_not_kept() {
    let (limits, mut scratch, mut decoder) = (Limits::default(), Scratch::default(), Decoder::new(Role::Server));
    let wire = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:1337\r\n\r\n";
    for _ in 0..100 {
        let step = decoder.decode(wire, &limits, &mut scratch);
        let Item::Head(head) = step.item else { panic!("a good head") };
        assert!(std::ptr::eq(head.bytes, &wire[..]), "parsed where it lies");
        assert_eq!(decoder.buffered(), 0);
        assert!(matches!(decoder.decode(b"", &limits, &mut scratch).item, Item::End(_)));
    }
}

#[test]
fn size_responses_need_no_more_room_than_they_take() {
    let head = ResponseHead { fields: b"Content-Type: text/plain\r\n", ..Default::default() };
    let mut out = Vec::with_capacity(512);
    let at = out.as_ptr();
    for _ in 0..100 {
        out.clear();
        encode_response(&mut out, &head, b"Hello World\n", &imf_fixdate(0)).expect("a good response");
        assert!(std::ptr::eq(out.as_ptr(), at), "appended in place");
    }
}
