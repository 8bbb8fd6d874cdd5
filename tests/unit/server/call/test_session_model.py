"""What tools and handlers do with the model and the log of a call: `params.llm`, `params.context`, `call.update`."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from PIL import Image as pillow

from link.errors import ConfigError, ProviderError
from llm.events import ModelSettings
from llm.items import AssistantMessage, DeveloperMessage, Image, Item, UserMessage
from llm.items import Call as MadeCall
from llm.media import MediaError
from llm.messages_json import MessagesError
from llm.tools import FunctionCallParams, tool
from server.agent import Agent
from server.call import model_handle
from tests.unit.server.call.session_stand import Stand, virtual
from tests.unit.server.parts import Call, DirectModel


class Doing:
    """A tool that does what the test says, and keeps what came of it."""

    def __init__(self, do: Any) -> None:
        self.came: list[Any] = []

        @tool
        async def act(params: FunctionCallParams) -> str:
            """Act."""
            try:
                self.came.append(await do(params))
            except (ConfigError, ProviderError, MediaError, MessagesError, ValueError) as error:
                self.came.append(error)
            return "done"

        self.tool = act


async def acted(
    do: Any, *, answers: tuple[Any, ...] = (), texts: tuple[str | Exception, ...] = (), **agent: Any
) -> tuple[Doing, DirectModel]:
    """A call whose model has the tool act, and says goodbye."""
    doing = Doing(do)
    model = DirectModel([[Call("act")], ["Done."], *answers], texts=texts)
    async with Stand(Agent(tools=[doing.tool], **agent), model=model, models=("quick", "smart")) as stand:
        stand.send("text", text="please act")
        await stand.hears_the_bot("Done.")
        for _ in answers:
            stand.send("text", text="go on")
            await asyncio.sleep(3.0)
    return doing, model


# --- inference beside the conversation ------------------------------------------------------------------------------


@virtual
async def test_an_inference_answers_beside_the_conversation() -> None:
    doing, model = await acted(
        lambda params: params.llm.run_inference(
            [UserMessage("Sum it up.")], max_tokens=50, system_instruction="In one word."
        ),
        texts=("Numbers.",),
        instructions="Be brief.",
    )
    assert doing.came == ["Numbers."]
    [request] = model.inferred
    assert request.items == (UserMessage("Sum it up."),)
    assert (request.instructions, request.settings.max_output_tokens, request.tools) == ("In one word.", 50, ())
    assert len(model.asked) == 2, "the conversation knows nothing of it"


@virtual
async def test_an_inference_is_about_the_conversation_if_nothing_else_is_said() -> None:
    _, model = await acted(lambda params: params.llm.run_inference(), texts=("Yes.",), instructions="Be brief.")
    [request] = model.inferred
    assert request.instructions == "Be brief."
    assert request.items[0] == UserMessage("please act")


@virtual
async def test_an_inference_that_fails_says_why() -> None:
    doing, _ = await acted(lambda params: params.llm.run_inference(), texts=(RuntimeError("overloaded"),))
    [error] = doing.came
    assert isinstance(error, ProviderError)
    assert str(error) == "overloaded"


@virtual
async def test_a_service_that_says_nothing_is_given_up() -> None:
    doing, _ = await acted(lambda params: params.llm.run_inference(timeout_secs=3.0))
    assert [str(error) for error in doing.came] == ["no answer within 3 s"]


@virtual
async def test_too_many_inferences_at_once_are_refused() -> None:
    async def many(params: FunctionCallParams) -> list[Any]:
        jobs = [params.llm.run_inference(timeout_secs=1.0) for _ in range(model_handle.MAX_JOBS + 1)]
        return await asyncio.gather(*jobs, return_exceptions=True)

    doing, _ = await acted(many)
    texts = [str(error) for error in doing.came[0]]
    assert texts == ["no answer within 1 s"] * model_handle.MAX_JOBS + [
        f"{model_handle.MAX_JOBS} inferences run already"
    ]


# --- functions ------------------------------------------------------------------------------------------------------


def dance() -> str:
    """Dance."""
    return "one two three"


@pytest.mark.parametrize("function", [dance, tool(dance)])
def test_a_function_is_registered_for_this_call(function: Any) -> None:
    @virtual
    async def talk() -> None:
        async def register(params: FunctionCallParams) -> None:
            params.llm.register(function)
            params.llm.register(function)

        doing, model = await acted(register, answers=([Call("dance")], ["I danced."]))
        assert [[each.name for each in request.tools] for request in model.asked[:2]] == [["act"], ["act", "dance"]]
        messages = [item for item in model.asked[-1].items if isinstance(item, AssistantMessage)]
        assert [call.output for item in messages for call in item.calls] == ["done", "one two three"]
        assert [str(error) for error in doing.came] == ["tool 'dance' is registered twice"]

    talk()


# --- settings -------------------------------------------------------------------------------------------------------


@virtual
async def test_settings_hold_from_the_next_request() -> None:
    async def change(params: FunctionCallParams) -> None:
        params.llm.update(ModelSettings(temperature=0.1))
        params.llm.switch("smart")

    _, model = await acted(change)
    first, second = (request.settings for request in model.asked)
    assert first == ModelSettings()
    assert second == ModelSettings(service="smart", temperature=0.1)


@virtual
async def test_a_model_that_is_not_there_is_refused() -> None:
    async def change(params: FunctionCallParams) -> None:
        params.llm.switch("brilliant")

    doing, model = await acted(change)
    [error] = doing.came
    assert str(error) == "there is no language model 'brilliant' to switch to; there are quick, smart"
    assert model.asked[1].settings == ModelSettings()


@virtual
async def test_a_call_is_updated_as_a_whole() -> None:
    async def change(params: FunctionCallParams) -> None:
        await params.call.update(instructions="In French.", model=ModelSettings(model="small"))
        await params.call.update(filter_incomplete_user_turns=True)
        await params.call.update(filter_incomplete_user_turns=False)

    _, model = await acted(change, instructions="Be brief.")
    assert [request.instructions for request in model.asked] == ["Be brief.", "In French."]
    assert model.asked[1].settings.model == "small"


@virtual
async def test_answers_can_be_read_from_the_next_one_on() -> None:
    async with Stand(Agent(skip_tts=True), answers=[["You can read this."]]) as stand:
        stand.send("text", text="hello")
        await stand.hears_the_bot("You can read this.")
        await asyncio.sleep(2.0)
        assert stand.heard == b""


@virtual
async def test_a_client_asks_for_an_answer_to_be_read() -> None:
    async with Stand(answers=[["Read this."], ["Hear that."]]) as stand:
        stand.send("text", text="hello", skip_tts=True)
        await stand.hears_the_bot("Read this.")
        assert stand.heard == b""
        stand.send("text", text="hello")
        await stand.hears_the_bot("Hear that.")
        assert stand.heard != b""


# --- the log --------------------------------------------------------------------------------------------------------


def picture(width: int, height: int, **options: Any) -> Image:
    file = io.BytesIO()
    pillow.new("RGB", (width, height)).save(file, "PNG")
    return Image(file.getvalue(), mime="image/png", **options)


@virtual
async def test_a_call_begins_with_the_agents_context() -> None:
    context = (DeveloperMessage("The caller is Ann."), UserMessage("earlier"), AssistantMessage("Yes."))
    _, model = await acted(lambda params: asyncio.sleep(0), context=context)
    assert model.asked[0].items[:3] == context


@virtual
async def test_a_picture_is_scaled_before_the_model_sees_it() -> None:
    async def show(params: FunctionCallParams) -> None:
        await params.context.append(UserMessage("Look.", (picture(64, 32, width_px=16),)))

    _, model = await acted(show)
    shown = next(item for item in model.asked[1].items if isinstance(item, UserMessage) and item.media)
    [image] = shown.media
    assert isinstance(image, Image)
    assert pillow.open(io.BytesIO(image.data)).size == (16, 8)


@virtual
async def test_a_picture_that_is_none_is_refused() -> None:
    async def show(params: FunctionCallParams) -> None:
        await params.context.append(UserMessage("Look.", (Image(b"no picture", width_px=16),)))

    doing, model = await acted(show)
    assert isinstance(doing.came[0], MediaError)
    assert not any(isinstance(item, UserMessage) and item.media for item in model.asked[1].items)


@virtual
async def test_the_log_is_inserted_into_cut_merged_and_read_back() -> None:
    async def edit(params: FunctionCallParams) -> tuple[Item, ...]:
        context = params.context
        await context.insert(0, UserMessage("the very first"))
        await context.merge([UserMessage("from elsewhere"), UserMessage("the very first")])
        text = context.to_json()
        await context.truncate(1)
        await context.load_json(text)
        assert context.estimated_tokens > 5
        messages: tuple[Item, ...] = context.messages
        return messages

    doing, model = await acted(edit, context=(UserMessage("second"),))
    [messages] = doing.came
    texts = [item.text for item in messages]
    assert texts == ["the very first", "second", "please act", "from elsewhere", ""]
    assert [item.text for item in model.asked[1].items] == texts
    call = model.asked[1].items[-1]
    assert isinstance(call, AssistantMessage)
    assert call.calls[0].output == "done", "the call that runs is not touched"


@virtual
async def test_messages_that_cannot_be_read_change_nothing() -> None:
    doing, model = await acted(lambda params: params.context.load_json('[{"role": "nobody"}]'))
    assert isinstance(doing.came[0], MessagesError)
    assert model.asked[1].items[0] == UserMessage("please act")


@virtual
async def test_a_message_that_is_to_be_answered_is_a_turn() -> None:
    agent = Agent()

    @agent.on("call_started")
    async def greet(call: Any) -> None:
        await call.context.append(DeveloperMessage("Greet the caller."), ask=True)

    async with Stand(agent, answers=[["Good day."]]) as stand:
        await stand.hears_the_bot("Good day.")


@pytest.mark.parametrize("at", [-1, 9])
def test_a_place_that_is_not_there(at: int) -> None:
    @virtual
    async def talk() -> None:
        doing, _ = await acted(lambda params: params.context.insert(at, UserMessage("x")))
        assert isinstance(doing.came[0], ValueError)

    talk()


ODD = "caf\udce9"  # a file's name, as os.fsdecode gives it


@virtual
async def test_what_utf8_cannot_say_does_not_take_the_call_down() -> None:
    async def act(params: FunctionCallParams) -> str:
        await params.context.append(UserMessage(ODD, (Image(b"x"),)))
        await params.context.append(AssistantMessage(ODD, (MadeCall("c9", ODD, ODD, ODD),)))
        text: str = await params.llm.run_inference([UserMessage(ODD)], system_instruction=ODD)
        return text

    doing, model = await acted(act, texts=("Yes.",))
    assert doing.came == ["Yes."]
    shown = [item for item in model.asked[1].items if "caf" in item.text]
    assert shown == [UserMessage("caf?", (Image(b"x"),)), AssistantMessage("caf?", (MadeCall("c9", *["caf?"] * 3),))]
    assert model.inferred[0].items == (UserMessage("caf?"),)
    assert model.inferred[0].instructions == "caf?"


@virtual
async def test_settings_that_cannot_be_sent_are_refused() -> None:
    async def change(params: FunctionCallParams) -> None:
        params.llm.update(ModelSettings(extra={"user": object()}))

    doing, model = await acted(change)
    [error] = doing.came
    assert str(error).startswith("the model's settings cannot be said in JSON: ")
    assert model.asked[1].settings == ModelSettings()


@pytest.mark.parametrize(
    "arguments",
    [
        {"instructions": ODD},
        {"context": [UserMessage(ODD)]},
        {"model": ModelSettings(extra={"user": object()})},
        {"greeting": ODD},
    ],
)
def test_an_agent_of_which_something_cannot_be_sent_is_named(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"the agent's {next(iter(arguments))} is wrong"):
        Agent(**arguments)
