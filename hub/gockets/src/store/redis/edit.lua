-- Changes members of a channel's JSON; those that are not named stay.
--
-- KEYS  1 channels, as in create.lua
-- ARGV  3 publisher key  4 JSON of what changes; null is a value
-- Returns the channel as it is then, as JSON, or false when there is none.

local standing = redis.call('HGET', KEYS[1], ARGV[3])
if not standing then
  return false
end
local channel = cjson.decode(standing)
for name, value in pairs(cjson.decode(ARGV[4])) do
  channel[name] = value
end
standing = cjson.encode(channel)
redis.call('HSET', KEYS[1], ARGV[3], standing)
return standing
