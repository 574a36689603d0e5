CREATE TABLE IF NOT EXISTS messages (
    channel_id     VARCHAR(36)      CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    message_id     BIGINT UNSIGNED  NOT NULL,
    kind           INT              NOT NULL,
    author         VARCHAR(32)      CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    author_bot     BOOLEAN          NOT NULL,
    author_webhook BOOLEAN          NOT NULL,
    content        MEDIUMTEXT       CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    edited_at      DATETIME(3),
    observed_at    DATETIME(3)      NOT NULL,
    origin         TINYINT UNSIGNED NOT NULL,
    digest         BIGINT UNSIGNED  NOT NULL,
    pinned         BOOLEAN          NOT NULL,
    flags          BIGINT UNSIGNED  NOT NULL,
    ref_kind       INT,
    ref_message_id BIGINT UNSIGNED,
    ref_channel_id BIGINT UNSIGNED,
    ref_guild_id   BIGINT UNSIGNED,
    mentions       JSON,
    embeds         JSON,
    stickers       JSON,
    components     JSON,
    snapshots      JSON,
    poll           JSON,
    extra          JSON,
    deleted_at     DATETIME(3),
    PRIMARY KEY (channel_id, message_id) /*T![clustered_index] CLUSTERED */,
    CONSTRAINT messages_channel FOREIGN KEY (channel_id) REFERENCES channels (channel_id) ON DELETE CASCADE,
    INDEX messages_by_id (message_id)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS attachments (
    channel_id    VARCHAR(36)     CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    message_id    BIGINT UNSIGNED NOT NULL,
    attachment_id BIGINT UNSIGNED NOT NULL,
    position      INT UNSIGNED    NOT NULL,
    filename      MEDIUMTEXT      CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    content_type  MEDIUMTEXT      CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    size_bytes    BIGINT UNSIGNED NOT NULL,
    width         INT UNSIGNED,
    height        INT UNSIGNED,
    description   MEDIUMTEXT      CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    spoiler       BOOLEAN         NOT NULL,
    url           MEDIUMTEXT      CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    local_path    MEDIUMTEXT      CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    extra         JSON,
    PRIMARY KEY (channel_id, message_id, attachment_id) /*T![clustered_index] CLUSTERED */,
    CONSTRAINT attachments_message FOREIGN KEY (channel_id, message_id)
        REFERENCES messages (channel_id, message_id) ON DELETE CASCADE
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS reactions (
    channel_id VARCHAR(36)     CHARACTER SET ascii   COLLATE ascii_bin   NOT NULL,
    message_id BIGINT UNSIGNED NOT NULL,
    emoji      VARBINARY(1024) NOT NULL,
    position   INT UNSIGNED    NOT NULL,
    emoji_id   BIGINT UNSIGNED,
    emoji_name MEDIUMTEXT      CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    animated   BOOLEAN         NOT NULL,
    count      INT UNSIGNED    NOT NULL,
    people     JSON,
    PRIMARY KEY (channel_id, message_id, emoji) /*T![clustered_index] CLUSTERED */,
    CONSTRAINT reactions_message FOREIGN KEY (channel_id, message_id)
        REFERENCES messages (channel_id, message_id) ON DELETE CASCADE
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
