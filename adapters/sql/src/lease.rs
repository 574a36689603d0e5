//! Leases.

use domain::lease::{Fence, Holder, Lease};
use ports::error::StoreError;

use crate::columns::{Columns, ValueError};

/// Returns a lease.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn lease(row: &mut impl Columns) -> Result<Lease, StoreError> {
    let holder = row.check("holder", Holder::new)?;
    let number: u64 = row.number("fence")?;
    let fence = Fence::new(number).ok_or_else(|| row.corrupt("fence", ValueError::Together))?;
    Ok(Lease { holder, fence, expires_at: row.time("expires_at")? })
}
