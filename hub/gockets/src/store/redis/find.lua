-- The channel of a subscriber key, as JSON, or false. Writes nothing.
--
-- KEYS  1 channels, 2 publishers, as in create.lua
-- ARGV  3 subscriber key

local publisher = redis.call('HGET', KEYS[2], ARGV[3])
return publisher and redis.call('HGET', KEYS[1], publisher)
