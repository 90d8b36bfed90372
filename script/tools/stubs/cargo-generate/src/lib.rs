//! The items of cargo-generate that cargo-leptos refers to. The function always fails.

#[derive(Debug, Default)]
pub struct TemplatePath {
    pub git: Option<String>,
    pub branch: Option<String>,
    pub tag: Option<String>,
    pub path: Option<String>,
}

#[derive(Debug, Default)]
pub struct GenerateArgs {
    pub template_path: TemplatePath,
    pub name: Option<String>,
    pub force: bool,
    pub verbose: bool,
    pub init: bool,
}

/// Always returns an error.
pub fn generate(_: GenerateArgs) -> anyhow::Result<std::path::PathBuf> {
    anyhow::bail!(
        "this build of cargo-leptos does not support `new`: run `cargo install cargo-leptos` for a build that does"
    )
}
