//! `cargo bench`: the same as `cargo knockproof bench`, optimised. Options go behind `--`: `cargo bench --bench figures -- --only start`.

use scenarios::cli::{self, Exit};

fn main() -> Exit {
    cli::bench_main()
}
