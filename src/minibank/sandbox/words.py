"""Words for passwords that people can read out."""

_TEXT = """
acorn amber anchor apple apron arrow aspen autumn badge bagel bamboo banjo barley basil beacon
birch biscuit blanket blossom bramble branch breeze brick bridge bronze bucket butter button
cabin candle canoe canvas carrot castle cedar cello cherry chestnut cider cinder clover cobalt
comet copper coral cotton cricket crystal daisy dragon drum eagle ember falcon feather fennel
fern fiddle finch flint forest fossil fountain garden garnet ginger glacier granite harbour
hazel heron hollow honey indigo island ivory jasmine juniper kettle kitten ladder lagoon lantern
lavender lemon lilac linen lizard lobster lotus magnet mango maple marble meadow melon mint
mitten mosaic muffin nectar nettle nutmeg oasis ocean olive onyx orbit orchard otter oyster
paddle panda parsley pebble pepper pigeon pillow planet plum pocket poppy prairie pumpkin puzzle
quartz quilt rabbit raven ribbon river robin rocket saddle saffron sail sandal scarlet shadow
silver sparrow spindle spruce summit sunset teapot thimble thistle thunder timber topaz tulip
turnip velvet violet walnut walrus willow winter yarrow zephyr
"""

WORDS = tuple(_TEXT.split())
