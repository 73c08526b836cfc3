//! Guest memory as the imports see it: each access is checked when it is made, against the size the
//! memory has then. It must not know calls, nor keep an address.
use super::imports::{Errno, Len, Ptr};
use skep_abi::errno::EFAULT;

/// The bytes of `(ptr, len)`.
pub(super) fn bytes(memory: &[u8], ptr: Ptr, len: Len) -> Result<&[u8], Errno> {
    let (start, end) = range(ptr, len.0)?;
    memory.get(start..end).ok_or(Errno(EFAULT))
}

/// The bytes of `(ptr, len)`, to be written.
pub(super) fn bytes_mut(memory: &mut [u8], ptr: Ptr, len: Len) -> Result<&mut [u8], Errno> {
    let (start, end) = range(ptr, len.0)?;
    memory.get_mut(start..end).ok_or(Errno(EFAULT))
}

/// Copies as much of `from` as fits into `(ptr, len)`; answers the bytes that `from` has in all, which is
/// what the calls that fill a buffer answer.
pub(super) fn fill(memory: &mut [u8], ptr: Ptr, len: Len, from: &[u8]) -> Result<i32, Errno> {
    let out = bytes_mut(memory, ptr, len)?;
    let count = out.len().min(from.len());
    out[..count].copy_from_slice(&from[..count]);
    i32::try_from(from.len()).map_err(|_| Errno(skep_abi::errno::EOVERFLOW))
}

/// A sum that cannot wrap: both are 32 bits wide.
fn range(ptr: Ptr, len: u32) -> Result<(usize, usize), Errno> {
    let start = u64::from(ptr.0);
    let end = start + u64::from(len);
    match (usize::try_from(start), usize::try_from(end)) {
        (Ok(start), Ok(end)) => Ok((start, end)),
        _ => Err(Errno(EFAULT)),
    }
}
