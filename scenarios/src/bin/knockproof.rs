//! The binary `knockproof`; see [`scenarios::cli`].

use scenarios::cli::{self, Exit};

fn main() -> Exit {
    cli::main()
}
