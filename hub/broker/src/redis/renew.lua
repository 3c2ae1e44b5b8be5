-- Says how many subscribe by a node, keeps the leases of its members, and ends those of others that are due.
--
-- KEYS  1 meta  2 nodes  3 info  4 leases
-- ARGV  6 node  7 subscribers, or empty to leave them as they are  8 lease, ms  9... ids of members
-- Returns epoch, offset of the last message, ids of members whose info is not there.

local epoch, offset = open(KEYS[1])
local ends = number(now + ARGV[8])

local missing = {}
if ARGV[7] == '' then
  -- More members than fit in one call.
elseif tonumber(ARGV[7]) > 0 then
  redis.call('HSET', KEYS[2], ARGV[6], ARGV[7] .. ' ' .. ends)
  keep_for(KEYS[2], ARGV[8])
else
  redis.call('HDEL', KEYS[2], ARGV[6])
end

for i = 9, #ARGV do
  if redis.call('HEXISTS', KEYS[3], ARGV[i]) == 1 then
    redis.call('ZADD', KEYS[4], ends, ARGV[i])
  else
    missing[#missing + 1] = ARGV[i]
  end
end
expire(KEYS[3], KEYS[4])
-- A little longer than the last lease, so that somebody is there to tell of its end.
keep_for(KEYS[3], ARGV[8] * 4)
keep_for(KEYS[4], ARGV[8] * 4)
return { epoch, number(offset), missing }
