use knockproof_harness::{
    homeserver::{Choice, Driver, Flavor, choose},
    images::{Conduwuit, Continuwuity, PORT, Synapse, Tuwunel},
};
use testcontainers::{ContainerRequest, Image, ImageExt as _, runners::AsyncRunner as _};

/// The chosen server's image as anybody starts it. Where it is no container, nothing names an image.
#[tokio::test]
async fn an_image_stands_alone() {
    let selection = choose(&Choice::from_env().unwrap()).await.unwrap();
    if selection.driver != Driver::Container {
        assert_eq!(selection.exact, None);
        return;
    }
    let source = &selection.source;
    match selection.flavor {
        Flavor::Synapse => answers(Synapse::new("hs.example"), source).await,
        Flavor::Conduwuit => answers(Conduwuit::new("hs.example", "token"), source).await,
        Flavor::Continuwuity => answers(Continuwuity::new("hs.example", "token"), source).await,
        Flavor::Tuwunel => answers(Tuwunel::new("hs.example", "token"), source).await,
        Flavor::Embedded => panic!("the embedded homeserver is in no container"),
    }
}

async fn answers<I: Image>(image: I, source: &str)
where
    ContainerRequest<I>: From<I>,
{
    let (name, tag) = source.rsplit_once(':').unwrap_or((source, "latest"));
    let server = image.with_name(name).with_tag(tag).start().await.unwrap();
    let port = server.get_host_port_ipv4(PORT).await.unwrap();
    let url = format!("http://127.0.0.1:{port}/_matrix/client/versions");
    let answer = reqwest::get(url).await.unwrap();
    assert_eq!(answer.status(), 200);
}
