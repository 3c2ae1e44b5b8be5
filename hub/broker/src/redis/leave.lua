-- A member goes.
--
-- KEYS  1 info  2 leases
-- ARGV  6 id

local info = redis.call('HGET', KEYS[1], ARGV[6])
redis.call('HDEL', KEYS[1], ARGV[6])
if redis.call('ZREM', KEYS[2], ARGV[6]) == 1 then
  tell('l ' .. #ARGV[6] .. ' ' .. ARGV[6] .. (info or ''))
end
return 1
