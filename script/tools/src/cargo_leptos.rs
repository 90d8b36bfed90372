//! The command `cargo leptos`.

use cargo_leptos::config::Cli;
use clap::Parser;

#[tokio::main]
async fn main() -> color_eyre::Result<()> {
    color_eyre::install()?;
    let mut arguments: Vec<String> = std::env::args().collect();
    // `cargo leptos build` starts `cargo-leptos leptos build`.
    if arguments.get(1).is_some_and(|first| first == "leptos") {
        arguments.remove(1);
    }
    let cli = Cli::parse_from(arguments);
    cargo_leptos::logger::setup(cli.opts().map_or(0, |options| options.verbose), &cli.log);
    cargo_leptos::run(cli).await
}
