//! The part of cargo-generate that cargo-leptos names, without what it does.

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

/// Always fails.
pub fn generate(_: GenerateArgs) -> anyhow::Result<std::path::PathBuf> {
    anyhow::bail!("this cargo-leptos was built without `new`: install cargo-leptos with `cargo install cargo-leptos`")
}
