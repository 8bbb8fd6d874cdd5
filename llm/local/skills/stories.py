"""Stories that are long enough to interrupt: more than a minute each. Written for voicewire. Pure."""

from __future__ import annotations

from msgspec import Struct


class Story(Struct, frozen=True):
    """A title, the words by which a caller may ask for it, and the text as it is told."""

    title: str
    topics: frozenset[str]
    text: str


def _story(title: str, topics: str, *sentences: str) -> Story:
    return Story(title, frozenset(topics.split()), " ".join(sentences))


STORIES = (
    _story(
        "the lighthouse cat",
        "cat cats lighthouse sea ship ships animal animals island",
        "This is the story of the lighthouse cat.",
        "On a small island, far out in the grey sea, there stood a lighthouse, and in the lighthouse lived a cat "
        "called Pepper.",
        "Pepper had a very important job, or so she thought.",
        "Every evening, when the keeper climbed the stairs to light the lamp, Pepper climbed ahead of him and "
        "counted the steps.",
        "There were ninety-nine of them, and she never missed one.",
        "One autumn night the wind grew so strong that the whole tower hummed like a bottle.",
        "The keeper had caught a cold, and he fell asleep in his chair before sunset.",
        "The sky turned dark, and the lamp stayed dark too.",
        "Far away, Pepper saw the lights of a little ship, and it was coming straight towards the rocks.",
        "She pushed the keeper's hand with her nose, but he only mumbled and slept on.",
        "So she did what cats do best.",
        "She jumped on the shelf, looked at the big brass bell, and pushed it over the edge.",
        "The bell rolled down all ninety-nine steps, and it rang on every single one.",
        "The keeper woke up with a shout, ran to the top, and lit the lamp.",
        "Out at sea the little ship turned, slowly, slowly, and sailed past the rocks into safe water.",
        "In the morning the captain sent a basket of fresh fish to the island.",
        "The keeper wrote a letter of thanks, and Pepper signed it with one wet paw.",
        "And from that day on the bell stayed at the bottom of the stairs, because nobody wanted to carry it up again.",
        "That is the end of the story.",
    ),
    _story(
        "the slow train",
        "train trains mountain mountains snow railway travel winter",
        "This is the story of the slow train.",
        "High up in the mountains there was a railway line with two trains.",
        "One of them was new and silver, and it flew through the valley like an arrow.",
        "The other one was old and green, and it stopped at every station, and at every farm, and sometimes for a "
        "sheep.",
        "People said that the slow train should be put in a museum.",
        "The driver, a woman called Martha, only smiled and patted the brass handle.",
        "One winter evening it began to snow, and it did not stop for two days.",
        "The silver train left the station at full speed, met a wall of snow behind the first tunnel, and stood still.",
        "Its doors froze, its lights went out, and three hundred passengers sat in the dark.",
        "Then, far behind them, they heard a bell.",
        "It was the slow train, and in front of it Martha had fixed the old wooden plough that everyone had forgotten.",
        "The slow train pushed a little, and rolled back a little, and pushed again.",
        "It took four hours to go two miles, and Martha sang all the way.",
        "When she reached the silver train there was hot soup for everyone, because the farmers along the line had "
        "filled her kitchen car at every single stop.",
        "The passengers ate, and laughed, and told each other where they had been going in such a hurry.",
        "At midnight the old green engine pulled the whole silver train home.",
        "The next morning somebody had painted a new sign at the station.",
        "It said: the slow train leaves when everybody is on board.",
        "That is the end of the story.",
    ),
    _story(
        "the robot in the garden",
        "robot robots garden flower flowers machine plant plants",
        "This is the story of the robot in the garden.",
        "Behind a row of tall houses there was a garden, and nobody had time for it.",
        "So the neighbours put their money together and bought a small second-hand robot.",
        "The robot was called Seven, because there was a seven painted on its back.",
        "Its instructions were short: water what is dry, and pull out what does not belong.",
        "On the first day Seven watered the lettuce, the beans and the roses.",
        "On the second day it found a plant that was on none of its lists.",
        "It was thin and crooked, and it grew right in the middle of the path.",
        "Seven held out its metal hand, and then it stopped, because a bee was sitting on the only flower.",
        "The robot thought about this for a whole afternoon.",
        "The plant did not belong, that was true, but the bee did not seem to know.",
        "In the end Seven walked around the plant, and the next day it walked around it again.",
        "By the summer there was a new path with a curve in it, and in the curve grew a tree, as tall as a child.",
        "Children came to sit under it, and their parents came to fetch them, and stayed.",
        "They brought chairs, and later a table, and on Sundays there was cake.",
        "One evening an old man asked the robot what kind of tree it was.",
        "Seven searched all of its lists, from the beginning to the end.",
        "Then it gave the only answer that it could find: this one belongs.",
        "That is the end of the story.",
    ),
)
