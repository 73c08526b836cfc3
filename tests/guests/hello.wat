;; The smallest HTTP server on the boundary: a guest in 50 lines. It listens on 127.0.0.1:1337 and
;; answers every request with the same bytes. docs/abi.md explains it line by line.
(module
  (import "skep" "inbox" (func $inbox (param i32 i32) (result i32)))
  (import "skep" "listen" (func $listen (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "skep" "http_respond" (func $respond (param i64 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (data (i32.const 1024) "127.0.0.1")
  (data (i32.const 1040) "Content-Type: text/plain\r\n")
  (data (i32.const 1080) "Hello World\n")
  ;; ListenOptions: flags HTTP + REQUIRE_HOST + NO_DELAY, then headersTimeout, requestTimeout, keepAliveTimeout (ms)
  (data (i32.const 1104) "\03\01\00\00\60\ea\00\00\e0\93\04\00\88\13\00\00")
  ;; The inbox is 64 KiB at address 65536; the host is told once, before any event.
  (func (export "_initialize") (drop (call $inbox (i32.const 65536) (i32.const 65536))))
  (func (export "skep_abi") (result i32) (i32.const 2))
  (func (export "skep_on_events") (param $len i32) (result i32)
    (local $at i32) (local $end i32) (local $kind i32)
    ;; A batch header of 24 bytes comes first; each event begins with its size and kind.
    (local.set $at (i32.add (i32.const 65536) (i32.const 24)))
    (local.set $end (i32.add (i32.const 65536) (local.get $len)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $kind (i32.load16_u offset=4 (local.get $at)))
        (if (i32.eq (local.get $kind) (i32.const 2)) ;; START
          (then (drop (call $listen (i32.const 1024) (i32.const 9) (i32.const 1337) (i32.const 511)
                                    (i32.const 1104) (i32.const 40)))))
        (if (i32.eq (local.get $kind) (i32.const 30)) ;; HTTP_REQUEST: the event's handle is the exchange
          (then (drop (call $respond (i64.load offset=8 (local.get $at)) (i32.const 200) (i32.const 3)
                                     (i32.const 1040) (i32.const 26) (i32.const 1080) (i32.const 12)))))
        (local.set $at (i32.add (local.get $at) (i32.load (local.get $at))))
        (br $next)))
    (i32.const 0)))
