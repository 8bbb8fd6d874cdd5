"""The call ends for those who say goodbye, and for nobody else."""

from __future__ import annotations

import pytest

from llm.local.skills.course import GOODBYE
from llm.local.skills.wording import plain
from tests.unit.llm.local.talk import DEMO, once

GOODBYES = """\
goodbye
Good bye!
bye
bye bye
bye for now
okay bye then
Thank you, bye!
you too, bye
so long
good night
see you later
see you tomorrow, my friend
goodbye and thank you
farewell
hang up
please hang up
could you hang up now
you can hang up
I want to hang up the phone
end call
end the call
please finish this conversation
quit
I would like to quit
exit
that is all
that's all, thank you
no that will be all for today
that is all I wanted to know
I am done
I have to go now
I've got to go
gotta go
sorry I have to leave
talk to you soon
have a nice day
thanks for your help, have a good evening
I have to go now, thank you very much for your help, bye
well goodbye then
""".splitlines()
NO_GOODBYES = """\
please don't hang up
never hang up on me
do not end the call
I can't see you
see you in court or what
that is all wrong
is that all
that is all I know about cats
tell me a story about saying goodbye
so long as you are here tell me a story
I am done with the first question, what is 2 plus 2
I have to go to the shop, what time is it
how do you say goodbye in french
why did you hang up
goodbye is a sad word
good night moon is a book
say goodbye
quit joking
exit strategy
by the way
can I end the call with a key
did you say goodbye
have a good look at the moon
bye bye birdie is a film
take care of the timer
I am done waiting
""".splitlines()


@pytest.mark.parametrize("said", GOODBYES)
def test_who_says_goodbye_is_let_go(said: str) -> None:
    assert GOODBYE.match(plain(said))
    assert once(said, *DEMO).endswith(" | end_call({})")


@pytest.mark.parametrize("said", NO_GOODBYES)
def test_who_does_not_is_not_hung_up_on(said: str) -> None:
    assert "end_call" not in once(said, *DEMO)


def test_what_was_asked_is_answered() -> None:
    assert "This is the story of" in once("so long as you are here tell me a story", *DEMO)
    assert once("I have to go to the shop, what time is it", *DEMO) == "It is four thirty-one in the afternoon."
