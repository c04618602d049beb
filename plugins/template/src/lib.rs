//! x
/// x
#[derive(Debug)]
pub struct Template;
/// x
#[derive(clap::Parser, Debug)]
pub struct Args {}
impl session_shared::verb::Verb for Template {
    const NAME: &'static str = "template";
    type Args = Args;
    async fn run(_: Args, _: &mut session_shared::verb::Ground) -> anyhow::Result<()> {
        Ok(())
    }
}
