INSERT INTO change_log_extent (extent_id, epoch, first_change_id, last_change_id)
SELECT partitions.extent_id, log.epoch, (partitions.extent_id - 1 << 56) + 1, partitions.extent_id - 1 << 56
FROM change_log_extent AS log
CROSS JOIN (
    SELECT 2 AS extent_id
    UNION ALL SELECT 3
    UNION ALL SELECT 4
    UNION ALL SELECT 5
    UNION ALL SELECT 6
    UNION ALL SELECT 7
    UNION ALL SELECT 8
    UNION ALL SELECT 9
    UNION ALL SELECT 10
    UNION ALL SELECT 11
    UNION ALL SELECT 12
    UNION ALL SELECT 13
    UNION ALL SELECT 14
    UNION ALL SELECT 15
    UNION ALL SELECT 16
) AS partitions
WHERE log.extent_id = 1
ON DUPLICATE KEY UPDATE extent_id = VALUES(extent_id);
