//! What a guest may do: grants (by name, denied by default), limits (each with unit and reason) and
//! the meter of what it used. It must not know sockets, Wasm or HTTP: it judges plain values.
pub mod allowance;
pub mod backoff;
pub mod bounds;
pub mod bucket;
pub mod crew;
pub mod grants;
pub mod hoard;
pub mod limits;
pub mod meter;
pub mod purse;
pub mod words;

pub use allowance::{Allowance, Pace};
pub use backoff::{Backoff, BackoffLimits};
pub use bounds::{AtLimit, Bound};
pub use bucket::{Bucket, Rate};
pub use crew::{Change, Crew, Instances, REQUESTS_EACH};
pub use grants::{Denied, FolderGrant, Granted, Grants, ListenAddress, NetRule, Run};
pub use hoard::{Book, Found, Full, Hoard, Holder, Moving, Place, Stretch, Stuff};
pub use limits::{HttpLimits, Limits, ServeLimits};
pub use meter::{Meter, Usage};
pub use purse::{PURSE_CELLS, Purse, Row};
