"""What an attack is, and the list of all of them."""

ATTACKS = {}


class Attack:
    """A function that attacks a `Target`. Its docstring's first line is its title. It returns a note for
    the table, or raises `Harm` if it saw harm that the watchers cannot see."""

    def __init__(self, name, function, flags, unjudged):
        self.name = name
        self.run = function
        self.flags = flags
        self.unjudged = unjudged
        self.title = function.__doc__.strip().splitlines()[0].rstrip(".")


class Harm(Exception):
    """Something that the server must not do: the attack's own judgement."""


def attack(name, *flags, unjudged=()):
    """Lists a function as an attack. `flags` are the server's, `unjudged` the limits that don't apply."""

    def listed(function):
        ATTACKS[name] = Attack(name, function, list(flags), frozenset(unjudged))
        return function

    return listed
