-- The channel of a publisher key, as JSON, or false. Writes nothing.
--
-- KEYS  1 channels, as in create.lua
-- ARGV  3 publisher key

return redis.call('HGET', KEYS[1], ARGV[3])
