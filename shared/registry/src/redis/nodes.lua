-- The leases that stand, as JSON. Writes nothing.
--
-- KEYS  1 leases  2 expiries, as in announce.lua

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local nodes = redis.call('ZRANGEBYSCORE', KEYS[2], string.format('(%.0f', now), '+inf')
if #nodes == 0 then
  return {}
end
return redis.call('HMGET', KEYS[1], unpack(nodes))
