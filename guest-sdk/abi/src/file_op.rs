//! File operations, as `fs_call` and `fs_queue` take them. It must not know who does them.

/// One line of the table.
#[derive(Debug)]
pub struct FileOp {
    pub name: &'static str,
    pub number: i32,
    pub doc: &'static str,
}

macro_rules! operations {
    ($($name:ident = $number:literal, $doc:literal;)*) => {
        $(#[doc = $doc] pub const $name: i32 = $number;)*
        /// Every operation, in order.
        pub static FILE_OPS: &[FileOp] = &[$(FileOp { name: stringify!($name), number: $number, doc: $doc }),*];
    };
}

operations! {
    OPEN = 1, "Opens the path; flags are Linux's O_ numbers, mode is for a new file. Regular files and folders only. Answers a handle.";
    STAT = 2, "What the path leads to: a FileStat record.";
    LSTAT = 3, "The same of a link itself.";
    STATFS = 4, "Seven i64: type, bsize, blocks, bfree, bavail, files, ffree.";
    KIND = 5, "What the path leads to, as libuv numbers entries: 1 file, 2 folder, 3 link, 4 FIFO, 5 socket, 6 and 7 devices.";
    ACCESS = 6, "Whether mode (4 read, 2 write, 1 execute) is allowed.";
    READ_LINK = 7, "Where a link points.";
    REAL_PATH = 8, "The path without links and dots.";
    LIST = 9, "All entries of a folder, sorted: {u8 kind, u8 0, u16 length, name} each.";
    OPEN_FOLDER = 10, "Opens a folder for READ_FOLDER. Answers a handle.";
    READ_FILE = 11, "A whole regular file.";
    COPY = 12, "Copies a regular file to the second path; flags COPY_*.";
    MAKE_FOLDER = 13, "Makes a folder of this mode. With flag RECURSIVE also those on the way: answers the path of the first one made, or nothing; the path's first a bytes name what must be there.";
    MAKE_TEMPORARY = 14, "Makes a folder whose name is the path and six random letters; answers its path.";
    REMOVE_FOLDER = 15, "Removes an empty folder.";
    REMOVE = 16, "Removes what is no folder.";
    RENAME = 17, "To the second path.";
    LINK = 18, "Makes the second path another name of the file.";
    SYMLINK = 19, "Makes the path a link to the text of the second.";
    CHANGE_MODE = 20, "Sets permissions. Set-user-id and set-group-id are -EPERM.";
    CHANGE_OWNER = 21, "Sets owner a and group b (-1: stays), as far as a process without privileges may.";
    CHANGE_OWNER_OF_LINK = 22, "The same of a link itself.";
    CHANGE_TIMES = 23, "Sets the times of access (a) and modification (b): seconds since 1970, as the bits of a double.";
    CHANGE_TIMES_OF_LINK = 24, "The same of a link itself.";
    CLOSE = 25, "Closes an open file or folder. What is under way on it goes on.";
    FSTAT = 26, "The FileStat of an open file; without a handle, of standard descriptor a.";
    READ = 27, "Reads once from position a, or from the file's own when a is below zero; queued, at most b bytes.";
    WRITE = 28, "Writes at position a, or at the file's own when a is below zero. Answers the bytes written.";
    TRUNCATE = 29, "Sets the length to a.";
    SYNC = 30, "Waits until all of it is on the disk.";
    SYNC_DATA = 31, "The same of its contents.";
    SET_MODE = 32, "CHANGE_MODE of an open file.";
    SET_OWNER = 33, "CHANGE_OWNER of an open file.";
    SET_TIMES = 34, "CHANGE_TIMES of an open file.";
    READ_FOLDER = 35, "The next entries of an open folder, at most a, as LIST gives them but in the system's order; nothing at its end.";
    READ_INPUT = 36, "Reads once from the program's standard input, without a handle: waits until something comes, and answers nothing at its end. Queued, at most b bytes, and one at a time.";
    OPEN_STREAM = 37, "A socket that the process was given as a descriptor becomes a stream too, without credit: answers the stream's handle. At once only.";
    WINDOW_SIZE = 38, "Of the terminal that standard output (a: 1) or error (2) is, without a handle: columns * 65536 + rows. -ENODEV where it is none. At once only.";
}

/// The last of them.
pub const LAST: i32 = WINDOW_SIZE;

/// Those that take no path, but for READ_INPUT and WINDOW_SIZE a handle.
pub const ON_OPEN: core::ops::RangeInclusive<i32> = CLOSE..=WINDOW_SIZE;

/// MAKE_FOLDER: also what is missing on the way.
pub const RECURSIVE: u32 = 1;

/// COPY: the second path must not exist.
pub const COPY_EXCL: u32 = 1;
/// COPY: share the blocks, if the file system can.
pub const COPY_CLONE: u32 = 2;
/// COPY: share the blocks, or fail.
pub const COPY_CLONE_ONLY: u32 = 4;
