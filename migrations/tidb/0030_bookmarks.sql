CREATE TABLE IF NOT EXISTS bookmarks (
    reader   VARCHAR(300)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    position VARCHAR(1024) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    due_at   DATETIME(3)   NOT NULL,
    PRIMARY KEY (reader) /*T![clustered_index] CLUSTERED */
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
