//! What programs off the shelf do at their start and with their servers, in small: each script uses the API as web
//! frameworks, database drivers and HTTP clients do.
mod support;

use support::{run, run_as};

#[test]
fn a_server_asks_for_localhost_and_listens_there_without_a_grant() {
    let done = run("const dns = require('dns');
         dns.lookup('localhost', { all: true }, (error, found) => {
           if (error) throw error;
           const server = require('http').createServer().listen({ port: 0, host: found[0].address }, () => server.close());
           dns.lookup('example.org', (error) => console.log(found.length > 0, error.code));
         });");
    assert_eq!((done.code, done.out.as_str()), (Some(0), "true ERR_ACCESS_DENIED\n"), "{}", done.err);
}

// A database's challenge (SCRAM), step by step as RFC 7677 has it.
#[test]
fn a_driver_proves_its_password_with_web_crypto() {
    let done = run_as(
        &[],
        "const { subtle } = require('crypto').webcrypto, text = (it) => new TextEncoder().encode(it);
         const hmac = async (bytes, data) => {
           const key = await subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
           return subtle.sign('HMAC', key, text(data));
         };
         (async () => {
           const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0', salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
           const password = await subtle.importKey('raw', text('pencil'), 'PBKDF2', false, ['deriveBits']);
           const salted = await subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt, iterations: 4096 }, password, 256);
           const client = await hmac(salted, 'Client Key'), stored = await subtle.digest('SHA-256', client);
           const said = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=${nonce}`;
           const signature = Buffer.from(await hmac(stored, said)), proof = Buffer.from(client).map((byte, i) => byte ^ signature[i]);
           console.log(Buffer.from(proof).toString('base64'));
           await subtle.digest('MD5', text('')).catch((error) => console.log(error.name));
         })();",
    );
    let expected = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=\nNotSupportedError\n";
    assert_eq!((done.code, done.out.as_str()), (Some(0), expected), "{}", done.err);
}

#[test]
fn clients_take_http2_apart_before_they_speak_http1() {
    let done = run("const { HTTP2_HEADER_STATUS, HTTP2_METHOD_CONNECT, NGHTTP2_CANCEL, HTTP_STATUS_TEAPOT } = require('http2').constants;
         console.log(HTTP2_HEADER_STATUS, HTTP2_METHOD_CONNECT, NGHTTP2_CANCEL, HTTP_STATUS_TEAPOT);");
    assert_eq!((done.code, done.out.as_str()), (Some(0), ":status CONNECT 8 418\n"), "{}", done.err);
}

// Packages go another way where these names exist; Node 20 has none of them.
#[test]
fn what_is_looked_for_by_name_is_not_there() {
    let done = run("const names = ['WebSocket', 'EventSource', 'Storage'].map((name) => typeof globalThis[name]);
         console.log(...new Set(names));");
    assert_eq!((done.code, done.out.as_str()), (Some(0), "undefined\n"), "{}", done.err);
}
