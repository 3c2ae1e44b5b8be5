-- Subscribers of other nodes.
--
-- KEYS  1 nodes
-- ARGV  6 node

return others(KEYS[1], ARGV[6])
