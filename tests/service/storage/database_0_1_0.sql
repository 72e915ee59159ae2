-- A database of version 0.1.0: one prediction, its input and its output.
BEGIN TRANSACTION;
CREATE TABLE files (
	number INTEGER NOT NULL,
	id VARCHAR NOT NULL,
	owner VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	content_type VARCHAR NOT NULL,
	size INTEGER NOT NULL,
	sha256 VARCHAR NOT NULL,
	details JSON NOT NULL,
	created_at DATETIME NOT NULL,
	expires_at DATETIME NOT NULL,
	frame INTEGER NOT NULL,
	prediction_id VARCHAR,
	PRIMARY KEY (number),
	UNIQUE (id),
	FOREIGN KEY(prediction_id) REFERENCES predictions (id)
);
INSERT INTO "files" VALUES(1,'a7d0e2c4b6f81935','9f86d081884c7d65','inline','clip.mp4','video/mp4',482133,'9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08','{}','2026-01-05 09:30:00.000000','9999-01-01 00:00:00.000000',0,NULL);
INSERT INTO "files" VALUES(2,'0c1d2e3f4a5b6978','9f86d081884c7d65','output','output_video.mp4','video/mp4',91022,'60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752','{"origin": "prediction"}','2026-01-05 09:30:06.000000','9999-01-01 00:00:00.000000',0,'k3xq2v7m9tnr0c1h8w5zb4dj6f');
CREATE TABLE predictions (
	number INTEGER NOT NULL,
	id VARCHAR NOT NULL,
	owner VARCHAR NOT NULL,
	version VARCHAR NOT NULL,
	input JSON NOT NULL,
	base_url VARCHAR NOT NULL,
	source_id VARCHAR,
	status VARCHAR NOT NULL,
	logs VARCHAR NOT NULL,
	error VARCHAR,
	predict_time DOUBLE,
	created_at DATETIME NOT NULL,
	started_at DATETIME,
	completed_at DATETIME,
	webhook VARCHAR,
	webhook_events JSON NOT NULL,
	webhook_owed BOOLEAN NOT NULL,
	data_removed BOOLEAN NOT NULL,
	PRIMARY KEY (number),
	UNIQUE (id)
);
INSERT INTO "predictions" VALUES(1,'k3xq2v7m9tnr0c1h8w5zb4dj6f','9f86d081884c7d65','33432afdfc06a10da6b4018932893d39b0159f838b6d11dd1236dff85cc5ec1d','{"input_video": "http://localhost:8000/v1/files/a7d0e2c4b6f81935/download", "click_coordinates": "[320,180]", "click_labels": "1", "output_video": true}','http://localhost:8000','a7d0e2c4b6f81935','succeeded','tracking: 100%|##########| 90/90
',NULL,4.25,'2026-01-05 09:30:00.125000','2026-01-05 09:30:01.000000','2026-01-05 09:30:06.500000','https://example.com/hook','["start", "completed"]',1,0);
CREATE INDEX ix_predictions_owner ON predictions (owner);
CREATE INDEX ix_predictions_completed_at ON predictions (completed_at);
CREATE INDEX ix_predictions_status ON predictions (status);
CREATE INDEX ix_files_owner ON files (owner);
CREATE INDEX ix_files_prediction_id ON files (prediction_id);
CREATE INDEX ix_files_expires_at ON files (expires_at);
COMMIT;
