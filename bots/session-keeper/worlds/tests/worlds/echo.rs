//! The example, run.

use knockproof_homeserver::Dialect;
use matrix_sdk::{
    room::MessagesOptions,
    ruma::{
        api::client::room::create_room::v3::Request as CreateRoom,
        events::room::{member::MembershipState, message::RoomMessageEventContent},
    },
};
use session_keeper_worlds::*;

use super::encryption::{self, eventually, login};

#[path = "../../../examples/echo.rs"]
#[expect(dead_code, reason = "`main` reads the environment and waits for Ctrl-C")]
mod example;

#[tokio::test]
async fn the_example_joins_where_it_is_invited_and_says_back_what_it_is_told() {
    let (homeserver, data) = (homeserver(Dialect::synapse()).await, data());
    homeserver.create_user("alice", encryption::PASSWORD).unwrap();
    let alice = login(&homeserver, "alice").await;
    let url = homeserver.base_url().as_str();
    let keeper = example::keep(url, data.path().to_owned(), BOT, None).unwrap();
    let bot = keeper.handle().await.user_id;

    let mut request = CreateRoom::new();
    request.invite = vec![bot.clone()];
    let room = alice.create_room(request).await.unwrap();
    eventually("the bot's joining", &alice, async || {
        let member = room.get_member_no_sync(&bot).await.ok().flatten()?;
        (*member.membership() == MembershipState::Join).then_some(())
    })
    .await;
    let hello = RoomMessageEventContent::text_plain("hello");
    room.send(hello).await.unwrap();
    eventually("the echo", &alice, async || {
        let messages = room.messages(MessagesOptions::backward()).await.ok()?;
        messages.chunk.into_iter().find_map(|event| {
            let event = event.raw().deserialize_as_unchecked::<serde_json::Value>().ok()?;
            (event["sender"] == bot.as_str() && event["content"]["body"] == "hello").then_some(())
        })
    })
    .await;
    keeper.end().await.unwrap();
}
