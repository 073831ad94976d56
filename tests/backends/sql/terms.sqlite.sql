-- terms 1.0.0: Terms of payment
-- today: 2026-11-22
SELECT
  t.*,
  -- Days to pay
  (
    SELECT CASE WHEN s2."valid" THEN s2."rules" END
    FROM (
      SELECT
        s1.*,
        CASE
          WHEN t."blocked" IS NOT NULL AND t."blocked" THEN 0  -- stopped
          -- best
          WHEN s1."rules class" = 'A' AND t."amount" < 500000 AND s1."rules months" <= '2025-11-22' THEN 60
          WHEN s1."rules class" IN ('A', 'B') AND s1."rules months" <= '2026-05-22' THEN 30  -- good
          ELSE 10  -- others
        END AS "rules"
      FROM (
        SELECT
          (
            t."amount" IS NOT NULL
            AND typeof(t."amount") IN ('integer', 'real')
            AND t."amount" < 1e35
            AND (t."amount" >= 1e-34 OR t."amount" = 0)
            AND t."amount" >= 0
            AND t."class" IS NOT NULL
            AND typeof(t."class") = 'text'
            AND t."class" COLLATE BINARY IN ('A', 'B', 'C')
            AND (t."blocked" IS NULL OR typeof(t."blocked") = 'integer' AND t."blocked" IN (0, 1))
            AND t."since" IS NOT NULL
            AND (typeof(t."since") = 'text' AND date(julianday(t."since")) IS substr(t."since", 1, 10))
            AND trim(substr(t."since", 11), 'T :.0') = ''
            AND date(t."since") BETWEEN '1900-01-01' AND '2199-12-31'
          ) AS "valid",
          t."class" COLLATE BINARY AS "rules class",
          date(t."since") AS "rules months"
      ) AS s1
    ) AS s2
  ) AS "days",
  (
    SELECT CASE WHEN s1."valid" THEN 'decided' ELSE 'invalid' END
    FROM (
      SELECT
        (
          t."amount" IS NOT NULL
          AND typeof(t."amount") IN ('integer', 'real')
          AND t."amount" < 1e35
          AND (t."amount" >= 1e-34 OR t."amount" = 0)
          AND t."amount" >= 0
          AND t."class" IS NOT NULL
          AND typeof(t."class") = 'text'
          AND t."class" COLLATE BINARY IN ('A', 'B', 'C')
          AND (t."blocked" IS NULL OR typeof(t."blocked") = 'integer' AND t."blocked" IN (0, 1))
          AND t."since" IS NOT NULL
          AND (typeof(t."since") = 'text' AND date(julianday(t."since")) IS substr(t."since", 1, 10))
          AND trim(substr(t."since", 11), 'T :.0') = ''
          AND date(t."since") BETWEEN '1900-01-01' AND '2199-12-31'
        ) AS "valid"
    ) AS s1
  ) AS "status",
  -- ids of the rules that matched
  (
    SELECT CASE
      WHEN s1."valid" THEN CASE
        WHEN t."blocked" IS NOT NULL AND t."blocked" THEN 'stopped'
        WHEN (
          s1."rules class" = 'A'
          AND t."amount" < 500000
          AND s1."rules months" <= '2025-11-22'
        ) THEN 'best'
        WHEN s1."rules class" IN ('A', 'B') AND s1."rules months" <= '2026-05-22' THEN 'good'
        ELSE 'others'
      END
      ELSE ''
    END
    FROM (
      SELECT
        (
          t."amount" IS NOT NULL
          AND typeof(t."amount") IN ('integer', 'real')
          AND t."amount" < 1e35
          AND (t."amount" >= 1e-34 OR t."amount" = 0)
          AND t."amount" >= 0
          AND t."class" IS NOT NULL
          AND typeof(t."class") = 'text'
          AND t."class" COLLATE BINARY IN ('A', 'B', 'C')
          AND (t."blocked" IS NULL OR typeof(t."blocked") = 'integer' AND t."blocked" IN (0, 1))
          AND t."since" IS NOT NULL
          AND (typeof(t."since") = 'text' AND date(julianday(t."since")) IS substr(t."since", 1, 10))
          AND trim(substr(t."since", 11), 'T :.0') = ''
          AND date(t."since") BETWEEN '1900-01-01' AND '2199-12-31'
        ) AS "valid",
        t."class" COLLATE BINARY AS "rules class",
        date(t."since") AS "rules months"
    ) AS s1
  ) AS "rules",
  -- why the row is not decided
  (
    SELECT CASE
      WHEN NOT s1."valid" THEN substr(
        coalesce('; ' || CASE
          WHEN t."amount" IS NULL THEN 'amount: missing'
          WHEN NOT (typeof(t."amount") IN ('integer', 'real')) THEN 'amount: wrong-type'
          WHEN NOT (
            t."amount" BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308
          ) THEN 'amount: not-finite'
          WHEN NOT (
            t."amount" > -1e35
            AND t."amount" < 1e35
            AND (
              t."amount" >= 1e-34
              OR t."amount" <= -1e-34
              OR t."amount" = 0
            )
          ) THEN 'amount: too-many-digits'
          WHEN t."amount" < 0 THEN 'amount: out-of-range'
        END, '')
        || coalesce('; ' || CASE
          WHEN t."class" IS NULL THEN 'class: missing'
          WHEN NOT (typeof(t."class") = 'text') THEN 'class: wrong-type'
          WHEN t."class" COLLATE BINARY NOT IN (
            'A',
            'B',
            'C'
          ) THEN 'class: not-in-choices'
        END, '')
        || coalesce('; ' || CASE
          WHEN t."blocked" IS NULL THEN NULL
          WHEN NOT (typeof(t."blocked") = 'integer' AND t."blocked" IN (0, 1)) THEN 'blocked: wrong-type'
        END, '')
        || coalesce('; ' || CASE
          WHEN t."since" IS NULL THEN 'since: missing'
          WHEN NOT (typeof(t."since") = 'text' AND date(julianday(t."since")) IS substr(t."since", 1, 10)) THEN 'since: wrong-type'
          WHEN NOT (trim(substr(t."since", 11), 'T :.0') = '') THEN 'since: wrong-type'
          WHEN date(t."since") < '1900-01-01' THEN 'since: out-of-range'
          WHEN date(t."since") > '2199-12-31' THEN 'since: out-of-range'
        END, '')
      , 3)
    END
    FROM (
      SELECT
        (
          t."amount" IS NOT NULL
          AND typeof(t."amount") IN ('integer', 'real')
          AND t."amount" < 1e35
          AND (t."amount" >= 1e-34 OR t."amount" = 0)
          AND t."amount" >= 0
          AND t."class" IS NOT NULL
          AND typeof(t."class") = 'text'
          AND t."class" COLLATE BINARY IN ('A', 'B', 'C')
          AND (t."blocked" IS NULL OR typeof(t."blocked") = 'integer' AND t."blocked" IN (0, 1))
          AND t."since" IS NOT NULL
          AND (typeof(t."since") = 'text' AND date(julianday(t."since")) IS substr(t."since", 1, 10))
          AND trim(substr(t."since", 11), 'T :.0') = ''
          AND date(t."since") BETWEEN '1900-01-01' AND '2199-12-31'
        ) AS "valid"
    ) AS s1
  ) AS "reason"
FROM "crm"."orders" AS t
