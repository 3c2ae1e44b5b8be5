-- Removes a channel.
--
-- KEYS  1 channels, 2 publishers, as in create.lua; 3 visits, 4 vacated, as in vacate.lua
-- ARGV  3 publisher key
-- Returns the channel as it was, as JSON, or false when there was none.

local standing = redis.call('HGET', KEYS[1], ARGV[3])
if standing then
  redis.call('HDEL', KEYS[1], ARGV[3])
  redis.call('HDEL', KEYS[2], cjson.decode(standing).subscriber)
  redis.call('HDEL', KEYS[3], ARGV[3])
  redis.call('HDEL', KEYS[4], ARGV[3])
end
return standing
