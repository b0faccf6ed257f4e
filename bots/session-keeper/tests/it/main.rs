//! The library's tests, in one binary: each one more would link all of matrix-sdk once more. The decisions have theirs in
//! the library itself, which links nothing of it.

mod particulars;

#[cfg(feature = "sdk")]
mod credentials;
#[cfg(feature = "sdk")]
mod files;
#[cfg(feature = "sdk")]
mod identity;
#[cfg(feature = "sdk")]
mod keeper;
#[cfg(feature = "sdk")]
mod refresh;
#[cfg(feature = "sdk")]
mod support;
#[cfg(feature = "sdk")]
mod vault;
