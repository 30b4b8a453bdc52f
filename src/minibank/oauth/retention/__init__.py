"""How long tokens, guesses and secrets are kept when nobody needs them any more.

Whoever writes a row that will end plans its removal in the same unit of work: one piece of due work
for each shard and kind of row. Each piece removes some, and plans itself again for the next.

A pair of tokens that is over is kept as long as one that was ended, so that its access token is
answered with `expired` for as long as others are with `evicted`.
"""
