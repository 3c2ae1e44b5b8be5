-- Deletes a topic, and tells.
--
-- KEYS  1 meta  2 log  3 nodes  4 info  5 leases
-- ARGV  6 how long to keep what is left of a topic whose name never comes again, ms; empty for others

local was = redis.call('HMGET', KEYS[1], 'epoch', 'line')
for i = 1, 5 do
  redis.call('DEL', KEYS[i])
end
if was[1] then
  -- Those who are not connected now learn of it by their epoch.
  local gone = was[1] .. ' ' .. string.gsub(was[2] or '', ':%d+', '')
  redis.call('HSET', KEYS[1], 'epoch', ARGV[3], 'offset', 0, 'server', ARGV[1], 'line', '', 'gone', gone)
  if ARGV[6] ~= '' then
    redis.call('HSET', KEYS[1], 'retired', 1)
    redis.call('PEXPIRE', KEYS[1], ARGV[6])
  else
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
  end
  tell('x ' .. ARGV[3] .. ' 0')
end
return 1
