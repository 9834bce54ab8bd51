-- Rights of the database user `safelight_scan`, for processes with the role `scan`: docs/operations.md#a-database-user-for-scans
-- The owner of the tables runs this after `createuser --pwprompt safelight_scan`, when the first gateway has made
-- the tables, and again after each upgrade.
BEGIN;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA public, dbos FROM safelight_scan;
GRANT USAGE ON SCHEMA public, dbos TO safelight_scan;

-- The queue: ids of tenants and videos, and numbers of runs.
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA dbos TO safelight_scan;

-- What a verdict depends on.
GRANT SELECT ON
    account_terms, assets, attempts, bans, biometric_templates, cases, consent_requests, consent_uses, consents, copied_sources,
    findings, gates, halts, policies, protected_people, seal_fingerprints, seals, stay_down_hashes, strikes,
    verdicts, video_lineage, videos, waivers
TO safelight_scan;
GRANT SELECT (id, tenant_id, created_by) ON api_keys TO safelight_scan;
GRANT SELECT (id, tenant_id) ON people TO safelight_scan;
-- Counts for /metrics and /readyz.
GRANT SELECT ON alembic_version, audit_log_head, decisions, installation, quality_answers, quality_cases, quota_usage, tenants
TO safelight_scan;
GRANT SELECT (due_at, lane, outcome) ON notices TO safelight_scan;
GRANT SELECT (attempts, created_at, dead_at, delivered_at, due_at, topic) ON outbox TO safelight_scan;
GRANT SELECT (decision, due_at, kind, tenant_id) ON vault_entries TO safelight_scan;

-- What a scan writes. Entries of the log cannot be read, changed or removed.
GRANT INSERT ON
    account_terms, audit_log, audit_log_contents, audit_log_head, cases, consent_uses, copied_sources, findings, installation,
    outbox, statements, strikes, transcripts, vault_entries, verdicts
TO safelight_scan;
GRANT UPDATE ON audit_log_head, videos TO safelight_scan;
GRANT UPDATE (held_first) ON account_terms TO safelight_scan;
GRANT UPDATE (retention) ON assets TO safelight_scan;
GRANT UPDATE (upstream_copy_status) ON attempts TO safelight_scan;
-- Near-duplicates are decided together.
GRANT UPDATE (cluster_id, due_at, leader_id, rank_at, reach, required_rank, version) ON cases TO safelight_scan;
GRANT UPDATE (cost_micros, seconds, videos) ON quota_usage TO safelight_scan;
GRANT UPDATE (changed_at, hashes, removed_at, thumbnails) ON seal_fingerprints TO safelight_scan;
GRANT SELECT (tenant_id, video_id), DELETE ON transcripts TO safelight_scan;
COMMIT;
