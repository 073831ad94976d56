-- terms 1.0.0: Terms of payment
-- today: 2026-11-22
SELECT
  t.*,
  CASE WHEN s1.`valid` THEN s2.`rules` END AS `days`,  -- Days to pay
  CASE WHEN s1.`valid` THEN 'decided' ELSE 'invalid' END AS `status`,
  -- ids of the rules that matched
  CASE
    WHEN s1.`valid` THEN CASE
      WHEN t.`blocked` IS NOT NULL AND t.`blocked` THEN 'stopped'
      WHEN (
        s1.`rules class` = 'A'
        AND t.`amount` < 500000
        AND s1.`rules months` <= DATE '2025-11-22'
      ) THEN 'best'
      WHEN s1.`rules class` IN ('A', 'B') AND s1.`rules months` <= DATE '2026-05-22' THEN 'good'
      ELSE 'others'
    END
    ELSE ''
  END AS `rules`,
  -- why the row is not decided
  CASE
    WHEN NOT s1.`valid` THEN concat_ws(
      '; ',
      CASE
        WHEN t.`amount` IS NULL THEN 'amount: missing'
        WHEN NOT (
          t.`amount` BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308
        ) THEN 'amount: not-finite'
        WHEN NOT (
          t.`amount` > -1e35
          AND t.`amount` < 1e35
          AND (
            t.`amount` >= 1e-34
            OR t.`amount` <= -1e-34
            OR t.`amount` = 0
          )
        ) THEN 'amount: too-many-digits'
        WHEN t.`amount` < 0 THEN 'amount: out-of-range'
      END,
      CASE
        WHEN t.`class` IS NULL THEN 'class: missing'
        WHEN CAST(t.`class` AS STRING) COLLATE UTF8_BINARY NOT IN ('A', 'B', 'C') THEN 'class: not-in-choices'
      END,
      CASE
        WHEN t.`since` IS NULL THEN 'since: missing'
        WHEN NOT (CAST(t.`since` AS date) = t.`since`) THEN 'since: wrong-type'
        WHEN CAST(t.`since` AS date) < DATE '1900-01-01' THEN 'since: out-of-range'
        WHEN CAST(t.`since` AS date) > DATE '2199-12-31' THEN 'since: out-of-range'
      END
    )
  END AS `reason`
FROM `crm`.`orders` AS t
CROSS JOIN LATERAL (
  SELECT
    (
      t.`amount` IS NOT NULL
      AND t.`amount` < 1e35
      AND (t.`amount` >= 1e-34 OR t.`amount` = 0)
      AND t.`amount` >= 0
      AND t.`class` IS NOT NULL
      AND CAST(t.`class` AS STRING) COLLATE UTF8_BINARY IN ('A', 'B', 'C')
      AND t.`since` IS NOT NULL
      AND CAST(t.`since` AS date) = t.`since`
      AND CAST(t.`since` AS date) BETWEEN DATE '1900-01-01' AND DATE '2199-12-31'
    ) AS `valid`,
    CAST(t.`class` AS STRING) COLLATE UTF8_BINARY AS `rules class`,
    CAST(t.`since` AS date) AS `rules months`
) AS s1
CROSS JOIN LATERAL (
  SELECT
    CASE
      WHEN t.`blocked` IS NOT NULL AND t.`blocked` THEN 0  -- stopped
      -- best
      WHEN s1.`rules class` = 'A' AND t.`amount` < 500000 AND s1.`rules months` <= DATE '2025-11-22' THEN 60
      WHEN s1.`rules class` IN ('A', 'B') AND s1.`rules months` <= DATE '2026-05-22' THEN 30  -- good
      ELSE 10  -- others
    END AS `rules`
) AS s2
