;; The server of the simulation: small, deterministic, and true to the boundary. A request's target
;; says what is to be done with it: `/<op><a>.<b>.<id>`, with two numbers.
;;   n  answers at once with `a` bytes            w  the same, watched, with a Date
;;   c  the same, and wants the connection closed d  the same after `b` ms
;;   h  the same, after asking for the connection's handle
;;   s  streams `b` parts of `a` bytes            l  streams `a` bytes under a Content-Length
;;   e  echoes the body                           u  upgrades, and echoes the stream
;;   a  aborts                                    x  sends `a` bytes of a chunked body, then aborts
;;   k  traps
;; Bytes are those of the pattern: byte i is (31 i + i / 256) mod 256. It traps when the host breaks a
;; promise: a timer that is early, a DONE nobody asked for, an event for an exchange that is not.
(module
  (import "skep" "inbox" (func $inbox (param i32 i32) (result i32)))
  (import "skep" "start_info" (func $start_info (param i32 i32) (result i32)))
  (import "skep" "listen" (func $listen (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "skep" "http_respond" (func $respond (param i64 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "skep" "http_write" (func $write (param i64 i32 i32 i32) (result i32)))
  (import "skep" "http_end" (func $end (param i64 i32 i32 i32) (result i32)))
  (import "skep" "http_conn" (func $conn (param i64) (result i64)))
  (import "skep" "http_upgrade" (func $upgrade (param i64) (result i64)))
  (import "skep" "stream_write" (func $stream_write (param i64 i32 i32) (result i32)))
  (import "skep" "stream_shutdown" (func $stream_shutdown (param i64) (result i32)))
  (import "skep" "credit" (func $credit (param i64 i32) (result i32)))
  (import "skep" "close" (func $close (param i64) (result i32)))
  (import "skep" "timer_arm" (func $timer_arm (param i64 i32) (result i32)))
  (memory (export "memory") 24)
  (data (i32.const 1024) "127.0.0.1")
  (data (i32.const 1040) "X-T: ")
  (data (i32.const 1056) "Content-Length: ")
  (data (i32.const 1088) "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: sim\r\n\r\n")
  (data (i32.const 1200) "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
  ;; 1280: start_info (u32 port, then ListenOptions). 2048: fields being made.
  ;; 0x20000: inbox of 384 KiB. 0x80000: records of 32 bytes. 0xA0000: the pattern, 512 KiB.
  (global $inbox_at i32 (i32.const 0x20000))
  (global $records i32 (i32.const 0x80000))
  (global $pattern i32 (i32.const 0xA0000))
  (global $armed (mut i64) (i64.const -1))
  (global $mono (mut i64) (i64.const 0))
  (global $top (mut i32) (i32.const 0))
  (global $a (mut i32) (i32.const 0))
  (global $b (mut i32) (i32.const 0))
  (global $digits (mut i32) (i32.const 0))
  ;; A record: 0 handle, 8 deadline or bytes to be credited later, 16 kind, 20 a, 24 b, 28 blocked.
  ;; Kinds: 1 waits for the timer, 2 streams, 3 echoes, 4 waits for DONE, 5 owes a length, 6 a stream.
  (func (export "_initialize")
    (local $i i32)
    (drop (call $inbox (global.get $inbox_at) (i32.const 0x60000)))
    (loop $fill
      (i32.store8 (i32.add (global.get $pattern) (local.get $i)) (i32.add (i32.mul (local.get $i) (i32.const 31)) (i32.shr_u (local.get $i) (i32.const 8))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $fill (i32.lt_u (local.get $i) (i32.const 0x80000)))))
  (func (export "skep_abi") (result i32) (i32.const 2))

  (func $record (param $handle i64) (result i32)
    (local $index i32)
    (local.set $index (i32.and (i32.wrap_i64 (local.get $handle)) (i32.const 0xffffff)))
    (if (i32.ge_u (local.get $index) (i32.const 1024)) (then (unreachable)))
    (if (i32.ge_u (local.get $index) (global.get $top)) (then (global.set $top (i32.add (local.get $index) (i32.const 1)))))
    (i32.add (global.get $records) (i32.mul (local.get $index) (i32.const 32))))

  ;; The record of a handle that is known, or 0.
  (func $known (param $handle i64) (result i32)
    (local $at i32)
    (local.set $at (call $record (local.get $handle)))
    (if (i64.ne (i64.load (local.get $at)) (local.get $handle)) (then (return (i32.const 0))))
    (if (i32.eqz (i32.load offset=16 (local.get $at))) (then (return (i32.const 0))))
    (local.get $at))

  (func $keep (param $handle i64) (param $kind i32) (result i32)
    (local $at i32)
    (local.set $at (call $record (local.get $handle)))
    ;; What stood here is over, or will be: the event may come after its place was given away.
    (if (i64.eq (i64.load (local.get $at)) (local.get $handle)) (then (unreachable)))
    ;; A request may be dead, and its place given to a stream of ours, before we read of it: nothing is kept.
    (if (i64.gt_u (i64.load (local.get $at)) (local.get $handle)) (then
      (local.set $at (i32.add (global.get $records) (i32.const 32736)))))
    (i64.store (local.get $at) (local.get $handle))
    (i64.store offset=8 (local.get $at) (i64.const 0))
    (i32.store offset=16 (local.get $at) (local.get $kind))
    (i32.store offset=20 (local.get $at) (global.get $a))
    (i32.store offset=24 (local.get $at) (global.get $b))
    (i32.store offset=28 (local.get $at) (i32.const 0))
    (local.get $at))

  (func $forget (param $at i32) (i32.store offset=16 (local.get $at) (i32.const 0)))

  ;; Parses decimal digits at $at; leaves the place after them in $digits.
  (func $number (param $at i32) (result i32)
    (local $sum i32) (local $digit i32)
    (block $done (loop $next
      (local.set $digit (i32.sub (i32.load8_u (local.get $at)) (i32.const 48)))
      (br_if $done (i32.gt_u (local.get $digit) (i32.const 9)))
      (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 10)) (local.get $digit)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next)))
    (global.set $digits (local.get $at))
    (local.get $sum))

  ;; `X-T: <target>` at 2048; answers the length.
  (func $fields (param $target i32) (param $len i32) (result i32)
    (memory.copy (i32.const 2048) (i32.const 1040) (i32.const 5))
    (memory.copy (i32.const 2053) (local.get $target) (local.get $len))
    (i32.store16 (i32.add (i32.const 2053) (local.get $len)) (i32.const 0x0a0d))
    (i32.add (local.get $len) (i32.const 7)))

  ;; Takes more of a body or stream, now or when what was written is out.
  (func $take_more (param $handle i64) (param $len i32) (param $waits i32)
    (local $at i32)
    (local.set $at (call $known (local.get $handle)))
    (if (i32.eqz (local.get $len)) (then (return)))
    (if (i32.and (i32.ne (local.get $at) (i32.const 0)) (i32.gt_s (local.get $waits) (i32.const 131072)))
      (then
        (i64.store offset=8 (local.get $at) (i64.add (i64.load offset=8 (local.get $at)) (i64.extend_i32_u (local.get $len))))
        (return)))
    (call $must (call $credit (local.get $handle) (local.get $len))))

  (func $request (param $event i32)
    (local $handle i64) (local $target i32) (local $len i32) (local $op i32) (local $fields i32)
    (local $whole i32) (local $body i32) (local $body_len i32) (local $at i32) (local $raw i32)
    (local.set $handle (i64.load offset=8 (local.get $event)))
    (local.set $raw (i32.add (i32.add (local.get $event) (i32.const 64)) (i32.mul (i32.load offset=52 (local.get $event)) (i32.const 16))))
    (local.set $target (i32.add (local.get $raw) (i32.load offset=44 (local.get $event))))
    (local.set $len (i32.load offset=48 (local.get $event)))
    (local.set $whole (i32.and (i32.load16_u offset=42 (local.get $event)) (i32.const 4)))
    (local.set $body (i32.add (local.get $raw) (i32.load offset=56 (local.get $event))))
    (local.set $body_len (i32.load offset=60 (local.get $event)))
    (local.set $op (i32.load8_u offset=1 (local.get $target)))
    (global.set $a (call $number (i32.add (local.get $target) (i32.const 2))))
    (local.set $at (global.get $digits))
    (global.set $b (call $number (i32.add (local.get $at) (i32.const 1))))
    (local.set $fields (call $fields (local.get $target) (local.get $len)))
    (if (i32.gt_u (global.get $a) (i32.const 400000)) (then (unreachable)))
    ;; Only an echo minds the body.
    (if (i32.and (i32.ne (local.get $op) (i32.const 101)) (i32.eqz (local.get $whole)))
      (then (call $take_more (local.get $handle) (local.get $body_len) (i32.const 0))))
    (if (i32.eq (local.get $op) (i32.const 110)) (then (call $answer (local.get $handle) (local.get $fields) (i32.const 7)) (return))) ;; n
    (if (i32.eq (local.get $op) (i32.const 99)) (then (call $answer (local.get $handle) (local.get $fields) (i32.const 15)) (return))) ;; c
    (if (i32.eq (local.get $op) (i32.const 119)) (then ;; w
      (drop (call $keep (local.get $handle) (i32.const 4)))
      (call $answer (local.get $handle) (local.get $fields) (i32.const 0x203)) (return)))
    (if (i32.eq (local.get $op) (i32.const 104)) (then ;; h
      (drop (call $conn (local.get $handle)))
      (call $answer (local.get $handle) (local.get $fields) (i32.const 7)) (return)))
    (if (i32.eq (local.get $op) (i32.const 100)) (then ;; d: the fields are made again from the digits
      (local.set $at (call $keep (local.get $handle) (i32.const 1)))
      (i64.store offset=8 (local.get $at) (i64.add (global.get $mono) (i64.mul (i64.extend_i32_u (global.get $b)) (i64.const 1000000))))
      (memory.copy (call $slot (local.get $handle)) (i32.const 2048) (local.get $fields))
      (i32.store offset=24 (local.get $at) (local.get $fields))
      (call $arm (i64.load offset=8 (local.get $at)))
      (return)))
    (if (i32.eq (local.get $op) (i32.const 115)) (then ;; s
      (drop (call $keep (local.get $handle) (i32.const 2)))
      (call $must (call $respond (local.get $handle) (i32.const 200) (i32.const 4) (i32.const 2048) (local.get $fields) (i32.const 0) (i32.const 0)))
      (return)))
    (if (i32.eq (local.get $op) (i32.const 108)) (then ;; l
      (drop (call $keep (local.get $handle) (i32.const 5)))
      (memory.copy (i32.add (i32.const 2048) (local.get $fields)) (i32.const 1056) (i32.const 16))
      (local.set $fields (i32.add (local.get $fields) (i32.const 16)))
      (memory.copy (i32.add (i32.const 2048) (local.get $fields)) (i32.add (local.get $target) (i32.const 2)) (i32.sub (local.get $at) (i32.add (local.get $target) (i32.const 2))))
      (local.set $fields (i32.add (local.get $fields) (i32.sub (local.get $at) (i32.add (local.get $target) (i32.const 2)))))
      (i32.store16 (i32.add (i32.const 2048) (local.get $fields)) (i32.const 0x0a0d))
      (call $must (call $respond (local.get $handle) (i32.const 200) (i32.const 4) (i32.const 2048) (i32.add (local.get $fields) (i32.const 2)) (i32.const 0) (i32.const 0)))
      (return)))
    (if (i32.eq (local.get $op) (i32.const 101)) (then ;; e
      (if (local.get $whole) (then
        (call $must (call $respond (local.get $handle) (i32.const 200) (i32.const 7) (i32.const 2048) (local.get $fields) (local.get $body) (local.get $body_len)))
        (return)))
      (drop (call $keep (local.get $handle) (i32.const 3)))
      (call $take_more (local.get $handle) (local.get $body_len)
        (call $respond (local.get $handle) (i32.const 200) (i32.const 4) (i32.const 2048) (local.get $fields) (local.get $body) (local.get $body_len)))
      (return)))
    (if (i32.eq (local.get $op) (i32.const 117)) (then (call $take_over (local.get $handle)) (return))) ;; u
    (if (i32.eq (local.get $op) (i32.const 120)) (then ;; x
      (call $must (call $respond (local.get $handle) (i32.const 200) (i32.const 4) (i32.const 2048) (local.get $fields) (global.get $pattern) (global.get $a)))
      (drop (call $close (local.get $handle))) (return)))
    (if (i32.eq (local.get $op) (i32.const 97)) (then (drop (call $close (local.get $handle))) (return))) ;; a
    (unreachable))

  ;; A handle may be gone (EBADF): the event that says so is on its way. Nothing else may fail.
  (func $must (param $answer i32)
    (if (i32.and (i32.lt_s (local.get $answer) (i32.const 0)) (i32.ne (local.get $answer) (i32.const -9))) (then (unreachable))))

  ;; One whole answer of $a bytes; the fields stand at 2048.
  (func $answer (param $handle i64) (param $fields i32) (param $flags i32)
    (call $must (call $respond (local.get $handle) (i32.const 200) (local.get $flags) (i32.const 2048) (local.get $fields) (global.get $pattern) (global.get $a))))

  ;; 256 bytes for the fields of an answer that waits.
  (func $slot (param $handle i64) (result i32)
    (i32.add (i32.const 0x120000) (i32.mul (i32.and (i32.wrap_i64 (local.get $handle)) (i32.const 0x3ff)) (i32.const 256))))

  (func $take_over (param $handle i64)
    (local $stream i64)
    (local.set $stream (call $upgrade (local.get $handle)))
    (if (i64.eq (local.get $stream) (i64.const -9)) (then (return)))
    (if (i64.le_s (local.get $stream) (i64.const 0)) (then (unreachable)))
    (drop (call $keep (local.get $stream) (i32.const 6)))
    (call $must (call $stream_write (local.get $stream) (i32.const 1088) (i32.const 71))))

  (func $arm (param $deadline i64)
    (if (i64.lt_u (local.get $deadline) (global.get $armed)) (then
      (global.set $armed (local.get $deadline))
      (call $must (call $timer_arm (local.get $deadline) (i32.const 1))))))

  (func $timer
    (local $at i32) (local $end i32)
    ;; Nobody armed it, or it is early.
    (if (i64.eq (global.get $armed) (i64.const -1)) (then (unreachable)))
    (if (i64.lt_u (global.get $mono) (global.get $armed)) (then (unreachable)))
    (global.set $armed (i64.const -1))
    (local.set $at (global.get $records))
    (local.set $end (i32.add (local.get $at) (i32.mul (global.get $top) (i32.const 32))))
    (loop $next (if (i32.lt_u (local.get $at) (local.get $end)) (then
      (if (i32.eq (i32.load offset=16 (local.get $at)) (i32.const 1)) (then
        (if (i64.le_u (i64.load offset=8 (local.get $at)) (global.get $mono))
          (then
            (global.set $a (i32.load offset=20 (local.get $at)))
            (memory.copy (i32.const 2048) (call $slot (i64.load (local.get $at))) (i32.load offset=24 (local.get $at)))
            (call $forget (local.get $at))
            (call $answer (i64.load (local.get $at)) (i32.load offset=24 (local.get $at)) (i32.const 7)))
          (else (call $arm (i64.load offset=8 (local.get $at)))))))
      (local.set $at (i32.add (local.get $at) (i32.const 32)))
      (br $next)))))

  ;; One part of every stream that is not blocked; answers whether any is left.
  (func $stream (param $go i32) (result i32)
    (local $at i32) (local $end i32) (local $left i32) (local $answer i32) (local $last i32) (local $kind i32)
    (local.set $at (global.get $records))
    (local.set $end (i32.add (local.get $at) (i32.mul (global.get $top) (i32.const 32))))
    (loop $next (if (i32.lt_u (local.get $at) (local.get $end)) (then
      (local.set $kind (i32.load offset=16 (local.get $at)))
      (if (i32.and (i32.or (i32.eq (local.get $kind) (i32.const 2)) (i32.eq (local.get $kind) (i32.const 5))) (i32.eqz (i32.load offset=28 (local.get $at)))) (then
        (if (local.get $go)
          (then
            (local.set $last (i32.or (i32.eq (local.get $kind) (i32.const 5)) (i32.le_u (i32.load offset=24 (local.get $at)) (i32.const 1))))
            (local.set $answer (call $write (i64.load (local.get $at)) (local.get $last) (global.get $pattern) (i32.load offset=20 (local.get $at))))
            (if (i32.eq (local.get $answer) (i32.const -11)) (then (i32.store offset=28 (local.get $at) (i32.const 1))) (else
              (call $must (local.get $answer))
              (i32.store offset=28 (local.get $at) (i32.gt_s (local.get $answer) (i32.const 131072)))
              (i32.store offset=24 (local.get $at) (i32.sub (i32.load offset=24 (local.get $at)) (i32.const 1)))
              (if (local.get $last) (then (call $forget (local.get $at)))))))
          (else (local.set $left (i32.const 1))))))
      (local.set $at (i32.add (local.get $at) (i32.const 32)))
      (br $next))))
    (if (local.get $go) (then (return (call $stream (i32.const 0)))))
    (local.get $left))

  ;; Room: go on streaming, or take what was put off.
  (func $drain (param $handle i64)
    (local $at i32) (local $owed i32)
    (local.set $at (call $known (local.get $handle)))
    (if (i32.eqz (local.get $at)) (then (return)))
    (i32.store offset=28 (local.get $at) (i32.const 0))
    (if (i32.or (i32.eq (i32.load offset=16 (local.get $at)) (i32.const 3)) (i32.eq (i32.load offset=16 (local.get $at)) (i32.const 6))) (then
      (local.set $owed (i32.wrap_i64 (i64.load offset=8 (local.get $at))))
      (i64.store offset=8 (local.get $at) (i64.const 0))
      (if (local.get $owed) (then (call $must (call $credit (local.get $handle) (local.get $owed))))))))

  (func $body (param $event i32)
    (local $handle i64) (local $at i32) (local $len i32)
    (local.set $handle (i64.load offset=8 (local.get $event)))
    (local.set $len (i32.load offset=16 (local.get $event)))
    (local.set $at (call $known (local.get $handle)))
    (if (local.get $at) (then (if (i32.eq (i32.load offset=16 (local.get $at)) (i32.const 3)) (then
      (local.set $at (call $write (local.get $handle) (i32.const 0) (i32.add (local.get $event) (i32.const 24)) (local.get $len)))
      (call $must (local.get $at))
      (call $take_more (local.get $handle) (local.get $len) (local.get $at))
      (return)))))
    ;; An exchange that is answered is not known any more, but may still take its body.
    (drop (call $credit (local.get $handle) (local.get $len))))

  (func $message_end (param $handle i64)
    (local $at i32)
    (local.set $at (call $known (local.get $handle)))
    (if (local.get $at) (then (if (i32.eq (i32.load offset=16 (local.get $at)) (i32.const 3)) (then
      (call $forget (local.get $at))
      (call $must (call $end (local.get $handle) (i32.const 0) (i32.const 0) (i32.const 0))))))))

  (func $stream_data (param $event i32)
    (local $handle i64) (local $waits i32)
    (local.set $handle (i64.load offset=8 (local.get $event)))
    ;; One that was closed may have had more on its way.
    (if (i32.eqz (call $known (local.get $handle))) (then (return)))
    (local.set $waits (call $stream_write (local.get $handle) (i32.add (local.get $event) (i32.const 24)) (i32.load offset=16 (local.get $event))))
    (call $must (local.get $waits))
    (call $take_more (local.get $handle) (i32.load offset=16 (local.get $event)) (local.get $waits)))

  (func $lost (param $handle i64)
    (local $at i32)
    (local.set $at (call $known (local.get $handle)))
    (if (local.get $at) (then (call $forget (local.get $at)))))

  (func $done (param $handle i64)
    (local $at i32)
    (local.set $at (call $record (local.get $handle)))
    (if (i64.ne (i64.load (local.get $at)) (local.get $handle)) (then (return)))
    (if (i32.ne (i32.load offset=16 (local.get $at)) (i32.const 4)) (then (unreachable)))
    (call $forget (local.get $at)))

  (func $start
    (drop (call $start_info (i32.const 1280) (i32.const 44)))
    (if (i64.le_s (call $listen (i32.const 1024) (i32.const 9) (i32.load (i32.const 1280)) (i32.const 511) (i32.const 1284) (i32.const 40)) (i64.const 0)) (then (unreachable))))

  (func $event (param $at i32)
    (local $kind i32) (local $handle i64)
    (local.set $kind (i32.load16_u offset=4 (local.get $at)))
    (local.set $handle (i64.load offset=8 (local.get $at)))
    (if (i32.eq (local.get $kind) (i32.const 30)) (then (call $request (local.get $at)) (return)))
    (if (i32.eq (local.get $kind) (i32.const 31)) (then (call $body (local.get $at)) (return)))
    (if (i32.eq (local.get $kind) (i32.const 32)) (then (call $message_end (local.get $handle)) (return)))
    (if (i32.eq (local.get $kind) (i32.const 33)) (then (call $drain (local.get $handle)) (return)))
    (if (i32.eq (local.get $kind) (i32.const 17)) (then (call $drain (local.get $handle)) (return)))
    (if (i32.eq (local.get $kind) (i32.const 34)) (then (call $done (local.get $handle)) (return)))
    (if (i32.eq (local.get $kind) (i32.const 35)) (then (call $lost (local.get $handle)) (return)))
    (if (i32.eq (local.get $kind) (i32.const 20)) (then (call $lost (local.get $handle)) (return)))
    (if (i32.eq (local.get $kind) (i32.const 15)) (then (call $stream_data (local.get $at)) (return)))
    (if (i32.eq (local.get $kind) (i32.const 16)) (then (drop (call $stream_shutdown (local.get $handle))) (return)))
    (if (i32.eq (local.get $kind) (i32.const 37)) (then ;; CLIENT_ERROR: a stream to answer on, unless the host has
      (if (i32.ge_u (i32.load offset=20 (local.get $at)) (i32.const 65536)) (then (return)))
      (drop (call $stream_write (local.get $handle) (i32.const 1200) (i32.const 47)))
      (drop (call $close (local.get $handle))) (return)))
    (if (i32.eq (local.get $kind) (i32.const 3)) (then (call $timer) (return)))
    (if (i32.eq (local.get $kind) (i32.const 4)) (then (drop (call $stream (i32.const 1))) (return)))
    (if (i32.eq (local.get $kind) (i32.const 2)) (then (call $start) (return)))
    (if (i32.eq (local.get $kind) (i32.const 11)) (then (unreachable))))

  (func (export "skep_on_events") (param $len i32) (result i32)
    (local $at i32) (local $end i32)
    (local.set $at (i32.add (global.get $inbox_at) (i32.const 24)))
    (local.set $end (i32.add (global.get $inbox_at) (local.get $len)))
    ;; The clock never goes back, but between warm-up and START.
    (if (i32.le_u (i32.load16_u offset=4 (local.get $at)) (i32.const 2)) (then (global.set $mono (i64.const 0))))
    (if (i64.lt_u (i64.load offset=8 (global.get $inbox_at)) (global.get $mono)) (then (unreachable)))
    (global.set $mono (i64.load offset=8 (global.get $inbox_at)))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
      (call $event (local.get $at))
      (local.set $at (i32.add (local.get $at) (i32.load (local.get $at))))
      (br $next)))
    (call $stream (i32.const 0))))
