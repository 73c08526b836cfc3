//! Prints what is made from the tables: the C header and the tables of docs/abi.md. It must not
//! know where the text goes.
use crate::{errno::ERRNOS, names, Type, CALLS, EVENTS, FILE_OPS};
use core::fmt::{Result, Write};

fn c_params(out: &mut dyn Write, params: &[(&str, Type)]) -> Result {
    for (i, (name, ty)) in params.iter().enumerate() {
        let c = match ty {
            Type::I32 => "int32_t ",
            Type::I64 => "int64_t ",
            Type::Ptr => "const void *",
            Type::Len => "uint32_t ",
            Type::Handle => "skep_handle ",
        };
        write!(out, "{}{c}{name}", if i == 0 { "" } else { ", " })?;
    }
    if params.is_empty() {
        out.write_str("void")
    } else {
        Ok(())
    }
}

fn c_type(ty: Type) -> &'static str {
    match ty {
        Type::I64 | Type::Handle => "int64_t",
        _ => "int32_t",
    }
}

macro_rules! c_constants {
    ($out:ident, $module:ident, $prefix:literal, $($name:ident)*) => {
        $(writeln!($out, concat!("#define SKEP_", $prefix, stringify!($name), " {}"), crate::$module::$name)?;)*
    };
}

/// The constants that are not in a table of their own.
fn constants(out: &mut dyn Write) -> Result {
    c_constants!(out, wants, "WANTS_", SOON BROKEN);
    c_constants!(out, start, "START_", CLONED SAME);
    c_constants!(out, respond, "RESPOND_", END IMPLICIT NO_DATE CLOSE NO_CHUNKED REMOVED_CONNECTION
        REMOVED_CONTENT_LENGTH REMOVED_TRANSFER_ENCODING REASON WATCH STRICT_LENGTH);
    c_constants!(out, write, "WRITE_", END WATCH);
    c_constants!(out, request, "REQUEST_", KEEP_ALIVE HAS_BODY COMPLETE UPGRADE EXPECT_CONTINUE
        EXPECT_OTHER CHUNKED OVER_LIMIT);
    c_constants!(out, client_error, "CLIENT_ERROR_", ANSWERED);
    c_constants!(out, listen, "LISTEN_", HTTP REQUIRE_HOST WATCH_CONNECTIONS UPGRADE CONNECT
        CLIENT_ERROR CHECK_CONTINUE IPV6_ONLY NO_DELAY TCP_KEEP_ALIVE HALF_OPEN UPGRADE_HEAD PAUSED CLIENT
        TELL_IDLE REST);
    c_constants!(out, expect, "EXPECT_", OTHER HEAD CONNECT UPGRADE);
    c_constants!(out, connect, "CONNECT_", NO_DELAY PAUSED);
    c_constants!(out, udp, "UDP_", IPV6_ONLY REUSE_ADDRESS BROADCAST TTL MULTICAST_TTL MULTICAST_LOOP RECV_BUFFER
        SEND_BUFFER RECEIVE);
    c_constants!(out, option, "OPTION_", NO_DELAY KEEP_ALIVE TIMEOUT PAUSE TEE);
    c_constants!(out, clock, "CLOCK_", MONOTONIC WALL CPU);
    c_constants!(out, changed, "CHANGED_", RENAMED CHANGED FAILED);
    c_constants!(out, done, "DONE_", FAILED BLOB HANDLE);
    c_constants!(out, child, "CHILD_", GUEST CHANNEL DETACHED CLONE_ENV SYNC);
    c_constants!(out, child_stdio, "STDIO_", IGNORE INHERIT PIPE STREAM FILE CHANNEL);
    c_constants!(out, child_state, "STATE_", STARTING RUNNING ENDED FAILED);
    c_constants!(out, reason, "REASON_", UNKNOWN EXIT SIGNAL TRAP DEADLINE MEMORY PROTOCOL PARENT_GONE);
    c_constants!(out, channel, "CHANNEL_", INTERNAL MORE KEEP);
    c_constants!(out, attached, "ATTACHED_", NOTHING STREAM LISTENER DATAGRAM);
    c_constants!(out, callee, "CALLEE_", MASK FUNCTION SCRIPT MODULE FILE);
    c_constants!(out, value, "VALUE_", BYTES FAILED BLOB);
    c_constants!(out, file_op, "FS_", RECURSIVE COPY_EXCL COPY_CLONE COPY_CLONE_ONLY);
    Ok(())
}

const RECORDS: &str = "\
typedef struct { uint32_t count, size; uint64_t mono, wall; } skep_batch;
typedef struct { uint32_t size; uint16_t kind, flags; uint64_t handle; uint32_t len, value; } skep_event;
typedef struct {
  uint64_t listener, conn;
  uint8_t method, minor;
  uint16_t flags;
  uint32_t target, target_len, field_count, raw_len, body_len;
} skep_request;
typedef struct { uint32_t name; uint16_t name_len, known; uint32_t value, value_len; } skep_field;
typedef struct {
  uint32_t flags, headers_timeout, request_timeout, keep_alive_timeout, keep_alive_buffer,
      max_header_size, max_headers, max_requests, idle_timeout, max_connections;
} skep_listen_options;
typedef struct { uint32_t flags, local_port; } skep_connect_options;
typedef struct {
  uint64_t file;
  int64_t a, b;
  uint32_t flags, mode, path_len, other_len;
} skep_file_request;
typedef struct {
  int64_t dev, mode, nlink, uid, gid, rdev, blksize, ino, size, blocks, times[8];
} skep_file_stat;
typedef struct {
  uint32_t flags, args, env, stdio, max_buffer;
  int32_t uid, gid;
  uint32_t unused;
} skep_child_options;
typedef struct { uint32_t kind, number; uint64_t handle; } skep_child_entry;
typedef struct { uint32_t state, pid; int32_t code; uint32_t signal, reason, overflow; } skep_child_state;
typedef struct { uint64_t handle; uint32_t kind, unused; } skep_attached;
_Static_assert(sizeof(skep_batch) == 24 && sizeof(skep_event) == 24, \"records\");
_Static_assert(sizeof(skep_request) == 40 && sizeof(skep_field) == 16, \"records\");
_Static_assert(sizeof(skep_listen_options) == 40 && sizeof(skep_file_request) == 40 && sizeof(skep_file_stat) == 144, \"records\");
";

fn names(out: &mut dyn Write, macro_name: &str, doc: &str, list: &[&str]) -> Result {
    write!(out, "\n/* {doc} */\n#define {macro_name}(X)")?;
    for name in list {
        write!(out, " \\\n  X(\"{name}\")")?;
    }
    writeln!(out)
}

/// `guest-sdk/include/skep.h`.
pub fn c_header(out: &mut dyn Write) -> Result {
    writeln!(out, "/* The Skep boundary for guests in C. Printed from guest-sdk/abi by tests/abi.rs: do not edit. */")?;
    writeln!(out, "#ifndef SKEP_H\n#define SKEP_H\n#include <stdint.h>\n")?;
    writeln!(out, "#define SKEP_ABI_VERSION {}\ntypedef int64_t skep_handle;\n", crate::VERSION)?;
    out.write_str(RECORDS)?;
    writeln!(out)?;
    writeln!(out, "/* A write that answers more waiting bytes is followed by a DRAIN event. */")?;
    writeln!(out, "#define SKEP_DRAIN_ABOVE {}", crate::DRAIN_ABOVE)?;
    constants(out)?;
    writeln!(out, "\n/* Events. */")?;
    for event in EVENTS {
        writeln!(out, "#define SKEP_EV_{} {} /* {} */", event.name, event.kind, event.doc)?;
    }
    writeln!(out, "\n/* File operations. */")?;
    for operation in FILE_OPS {
        writeln!(out, "#define SKEP_FS_{} {} /* {} */", operation.name, operation.number, operation.doc)?;
    }
    writeln!(out, "\n/* X(name, number) for every file operation. */\n#define SKEP_FILE_OPS(X) \\")?;
    for (i, operation) in FILE_OPS.iter().enumerate() {
        let end = if i + 1 < FILE_OPS.len() { " \\" } else { "" };
        writeln!(out, "  X(\"{}\", {}){end}", operation.name, operation.number)?;
    }
    writeln!(out, "\n/* Error numbers: a result below zero is one of these, negated. */")?;
    for (name, number, doc) in ERRNOS {
        writeln!(out, "#define SKEP_{name} {number} /* {doc} */")?;
    }
    writeln!(out, "\n/* X(name, number, message) for every error. */\n#define SKEP_ERRNOS(X) \\")?;
    for (i, (name, number, doc)) in ERRNOS.iter().enumerate() {
        writeln!(out, "  X(\"{name}\", {number}, \"{doc}\"){}", if i + 1 < ERRNOS.len() { " \\" } else { "" })?;
    }
    names(out, "SKEP_METHODS", "Request methods by number.", names::METHODS)?;
    names(out, "SKEP_KNOWN_FIELDS", "Field names by number, from 1.", names::KNOWN_FIELDS)?;
    writeln!(out, "\n/* Calls. */")?;
    for call in CALLS {
        writeln!(out, "/* {} */", call.doc)?;
        writeln!(out, "__attribute__((import_module(\"{}\"), import_name(\"{}\")))", crate::MODULE, call.name)?;
        write!(out, "{} skep_{}(", c_type(call.result), call.name)?;
        c_params(out, call.params)?;
        writeln!(out, ");")?;
    }
    writeln!(out, "\n#endif")
}

fn type_name(ty: Type) -> &'static str {
    match ty {
        Type::I32 => "i32",
        Type::I64 => "i64",
        Type::Ptr => "ptr",
        Type::Len => "len",
        Type::Handle => "handle",
    }
}

/// The tables of `docs/abi.md`, from "## Calls" to the end.
pub fn markdown(out: &mut dyn Write) -> Result {
    writeln!(out, "## Calls\n\nVersion {}, module `{}`.\n", crate::VERSION, crate::MODULE)?;
    writeln!(out, "| call | what it does |\n|---|---|")?;
    for call in CALLS {
        write!(out, "| `{}(", call.name)?;
        for (i, (name, ty)) in call.params.iter().enumerate() {
            write!(out, "{}{name}: {}", if i == 0 { "" } else { ", " }, type_name(*ty))?;
        }
        writeln!(out, ") -> {}` | {} |", type_name(call.result), call.doc)?;
    }
    writeln!(out, "\n## File operations\n\nOf `fs_call` and `fs_queue`. Paths are absolute.\n\n| operation | number | what it does |\n|---|---|---|")?;
    for operation in FILE_OPS {
        writeln!(out, "| {} | {} | {} |", operation.name, operation.number, operation.doc)?;
    }
    writeln!(out, "\n## Events\n\n| event | number | what it says |\n|---|---|---|")?;
    for event in EVENTS {
        writeln!(out, "| {} | {} | {} |", event.name, event.kind, event.doc)?;
    }
    writeln!(out, "\n## Errors\n\n| name | number | meaning |\n|---|---|---|")?;
    for (name, number, doc) in ERRNOS {
        writeln!(out, "| {name} | {number} | {doc} |")?;
    }
    Ok(())
}
