"""The words of explanations in English and Chinese, in one table, so that both can be read side by side.

A template names its parts (`{value}`). Signs that both languages share (`≥`, `$name`) are not here.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Language: TypeAlias = Literal["en", "zh"]

WORDS: dict[str, tuple[str, str]] = {
    # the first line
    "title": ("{title}{day}: {answer}", "{title}{day}：{answer}"),
    "title-above": ("{title}{day}:", "{title}{day}："),
    "title-id": ("{title} ({id})", "{title}（{id}）"),
    "day": (" on {day}", "，{day}"),
    "no_match": ("not decided, because no rule covers this record", "未能判定，没有规则覆盖这条记录"),
    "conflict": ("not decided, because rules contradict each other", "未能判定，规则之间相互矛盾"),
    "invalid": ("not decided, because the record cannot be used as it is", "未能判定，资料缺失或有误"),
    "blocked": ("not decided, because something it needs is not there yet", "暂不能判定，所需的前提尚未确定"),
    "and": (", ", "，"),
    "or": (" or ", " 或 "),
    "list": (", ", "、"),
    "colon": (": ", "："),
    # headings
    "known": ("What was known", "已知情况"),
    "nothing-known": ("Nothing is asked of the record.", "本规则不需要任何资料。"),
    "derived": ("What follows from it", "由此推算"),
    "standing": ("Where it stands", "所处位置"),
    "held": ("Which rules held", "适用的规则"),
    "problems": ("What is wrong with the record", "资料中的问题"),
    "no-problems": ("What could be read", "其余资料"),
    "gap": ("Where the rules have a gap", "规则的空缺之处"),
    "clash": ("Which rules contradict each other", "相互矛盾的规则"),
    "not-needed": (", which the outcome did not need", "（不影响本次结果）"),
    "blockers": ("What it waits for", "尚待确定的前提"),
    "why-not": ("Why not {outcome}", "为什么不是 {outcome}"),
    "why-unranked": ("Why not one of the ranked outcomes", "为什么没有排入任何等级"),
    "already-best": ("No outcome is better than {outcome}.", "没有比 {outcome} 更好的结果。"),
    "none-better": ("No rule gives a better outcome than {outcome}.", "没有规则能给出比 {outcome} 更好的结果。"),
    # what may still become of it
    "nearest-way": ("Nearest to {outcome}: {changes}", "达到 {outcome} 的最小改变：{changes}"),
    "out-of-reach": (
        "Nothing that can be changed would give {outcome}.",
        "可改变的资料无论怎样改变，都得不到 {outcome}。",
    ),
    "change": ("{name}: {test} (now {now})", "{name}为 {test}（现为{now}）"),
    "change-border": ("{name} {test} (now {now})", "{name} {test}（现为{now}）"),
    "still-possible": ("Still possible: {outcomes}.", "仍有可能：{outcomes}。"),
    "many-possible": ("{count} outcomes are still possible.", "仍有 {count} 种可能。"),
    "certain": ("In any case: {outcomes}.", "无论如何：{outcomes}。"),
    "depends-on": (" It depends on: {fields}.", "取决于：{fields}。"),
    "no-decision": ("no decision", "无法判定"),
    # values
    "true": ("yes", "是"),
    "false": ("no", "否"),
    "missing": ("missing", "未填"),
    "no-value": ("no value", "无值"),
    "nothing": ("none", "无"),
    "about": ("about {value}", "约{value}"),
    "labelled": ("{label} ({value})", "{label}（{value}）"),
    "output": ("{name} = {value}", "{name} = {value}"),
    "output-labelled": ("{label} ({name}) = {value}", "{label}（{name}）= {value}"),
    "by-default": ("{value} (nothing given: the default)", "{value}（未填，取默认值）"),
    # the place among all records
    "ranked": ("Position {first} of {count} by {name}", "按{name}排在第 {first} 名，共 {count} 条"),
    "ranked-equal": (
        "Positions {first} to {last} of {count} by {name}, shared by equals",
        "按{name}并列第 {first} 至 {last} 名，共 {count} 条",
    ),
    "not-ranked": ("Not among the {count} that are ranked by {name}", "未参加按{name}的排名（共 {count} 条）"),
    "no-standing": (
        "Given with the record, and impossible: positions {first} to {last} of {count} by {name}",
        "随记录给出的名次自相矛盾：按{name}第 {first} 至 {last} 名，共 {count} 条",
    ),
    "within": (" (within {name}: {value})", "（{name}：{value}）"),
    "heads": (
        "Of the records, {before} stand before it; {reached} with it",
        "记录数占比：排在其前 {before}，连同本条 {reached}",
    ),
    "shares": (
        "Of {name}, {before} is held by those before it; {reached} with it",
        "{name}占比：排在其前 {before}，连同本条 {reached}",
    ),
    # cells: what a test asks for
    "anything": ("anything", "不限"),
    "present": ("any value", "已填"),
    "interval": ("{low} and {high}", "{low}{low_end}至{high}{high_end}"),
    "closed": ("", "（含）"),
    "open": ("", "（不含）"),
    "not": ("not {test}", "非{test}"),
    "bracketed": ("({test})", "（{test}）"),
    "cell": ("{name}: {value}", "{name}：{value}"),
    "cell-holds": ("{name}: {value}, asked for {test}", "{name}：{value}，要求 {test}"),
    "cell-holds-border": ("{name}: {value} ({test})", "{name}：{value}（{test}）"),
    "cell-holds-interval": ("{name}: {value} ({test})", "{name}：{value}，在{test}之间"),
    "cell-fails": ("{name}: {value}, needs {test}{distance}", "{name}：{value}，须为 {test}{distance}"),
    "cell-fails-border": ("{name}: {value}, needs {test}{distance}", "{name}：{value}，须 {test}{distance}"),
    "needs-missing": ("{name}: {value}, must be missing", "{name}：{value}，须为空"),
    "needs-present": ("{name}: {value}, needs a value", "{name}：{value}，须有值"),
    "short": (", {distance} short", "，差{distance}"),
    "over": (", {distance} too much", "，超出{distance}"),
    # rules
    "rule": ("rule {rule}", "规则 {rule}"),
    "rule-label": ("rule {rule} ({label})", "规则 {rule}（{label}）"),
    "no-conditions": ("no condition", "无条件"),
    "otherwise": ("no other rule holds", "其他规则均不适用"),
    "rule-gives": ("{rule} → {outputs}", "{rule} → {outputs}"),
    "characteristic": ("{name}: {points} of {best} points, {rule}", "{name}：{points}分（满分{best}分），{rule}"),
    "total": ("Total: {points} of {best} points", "总分：{points}分（满分{best}分）"),
    "total-name": ("Total", "总分"),
    "initial": (", of which {points} to begin with", "，其中基础分{points}分"),
    "band": ("Band: {outputs}, {rule}", "档次：{outputs}，{rule}"),
    "override": ("Override: {outputs} whatever the points, {rule}", "特别规定：{outputs}，与得分无关，{rule}"),
    "no-override": ("No override applies.", "没有适用的特别规定。"),
    "no-rule": ("{table}: no rule holds", "{table}：没有适用的规则"),
    "no-hit": ("{table}: no rule holds, which it allows", "{table}：没有适用的规则，允许如此"),
    "no-item": ("{table}: the rules that hold give no value", "{table}：成立的规则没有给出任何值"),
    "nearest": ("Nearest is {rule}:", "最接近的是{rule}："),
    "together": (
        "{table}: these rules hold together, and only one may",
        "{table}：下列规则同时成立，而只允许一条成立",
    ),
    "disagree": (
        "{table}: these rules hold together, and give different results",
        "{table}：下列规则同时成立，而结果不同",
    ),
    "result": ("Result: {outputs}", "结论：{outputs}"),
    "results": ("Result:", "结论："),
    "touch": ("{start} + {interval} = {day}", "{start} 起{interval}，即 {day}"),
    "never-touched": ("{name} is missing, so it is due on the day of the decision", "{name}未填，因此当天到期"),
    "interval-day": ("{n} day{s}", "{n}天"),
    "interval-week": ("{n} week{s}", "{n}周"),
    "interval-month": ("{n} month{s}", "{n}个月"),
    "interval-year": ("{n} year{s}", "{n}年"),
    # required decisions
    "decided-by": ("{value}, decided by {policy}, {rule}", "{value}，由 {policy} 判定，{rule}"),
    "because": ("because {cells}", "因为{cells}"),
    "because-list": ("; ", "；"),
    "decided-by-policy": ("{value}, decided by {policy}", "{value}，由 {policy} 判定"),
    "requires": ("{alias} comes from {policy}, which is not decided:", "{alias} 取自 {policy}，而后者尚无结论："),
    "all-records": ("all records together, since it ranks them", "全部记录（排名须对全部记录一并进行）"),
    "blank": ("no value is set for {parameter}", "参数 {parameter} 尚未设定取值"),
    # why not
    "points-short": (
        "{outcome} needs a total {test}; {total} is {points} short.",
        "{outcome} 须总分 {test}，现为{total}分，差{points}分。",
    ),
    "points-over": (
        "{outcome} needs a total {test}; {total} is {points} too many.",
        "{outcome} 须总分 {test}，现为{total}分，多{points}分。",
    ),
    "points-beside": ("{outcome} needs a total {test}; it is {total}.", "{outcome} 须总分 {test}，现为{total}分。"),
    "to-gain": ("Points still to be had:", "还可争取的分数："),
    "to-lose": ("Points that could fall away:", "还可减去的分数："),
    "nothing-to-gain": ("Every characteristic already has its best points.", "各项得分均已最高。"),
    "gain": (
        "{name} {gain} ({before} → {after} points, {rule}){enough}",
        "{name} {gain}分（{before} → {after}，{rule}）{enough}",
    ),
    "enough": (": enough alone", "：仅此一项即可"),
    "override-decides": (
        "The override decides, whatever the points: {rule}.",
        "结果由特别规定决定，与得分无关：{rule}。",
    ),
    "band-would-be": (
        "Without it the band would be {outcome} ({points} points).",
        "若无此规定，按得分（{points}分）应为 {outcome}。",
    ),
    "no-band-either": ("Without it there would be no band.", "若无此规定，按得分也无法定档。"),
    "rule-would-give": ("{rule} would give {outcome}, but fails:", "{rule} 可得 {outcome}，但不符合："),
    "comes-first": (
        "{rule} would give {outcome}, and all of it holds, but {first} comes first.",
        "{rule} 可得 {outcome}，条件也均符合，但{first} 优先。",
    ),
    "only-otherwise": (
        "{rule} would give {outcome}, but only when no other rule holds.",
        "{rule} 可得 {outcome}，但仅在其他规则均不适用时成立。",
    ),
    # problems of a record
    "problem": ("{field}: found {found}, expected {expected}", "{field}：现为{found}，应为{expected}"),
    "problem-missing": ("{field}: missing, expected {expected}", "{field}：未填，应为{expected}"),
    "found-text": ("the text `{text}`", "文字“{text}”"),
    "found-other": ("{text}", " {text}"),
    "found-strange": ("a value of type {text}", "无法识别的值（类型 {text}）"),
    "found-record": ("a record", "一条记录"),
    "found-list": ("a list", "一个列表"),
    "found-bytes": ("bytes that are no text yet", "尚未解码的字节"),
    "found-long": ("a whole number of more than 60 digits", "超过 60 位的整数"),
    "hidden": ("hidden", "不显示"),
    "given": ("{value}, given by the caller", "{value}，由调用方给定"),
    "expect-boolean": ("true or false", "是或否（true 或 false）"),
    "expect-integer": ("a whole number", "整数"),
    "expect-number": ("a number", "数字"),
    "expect-money": ("money in {unit}", "金额（{unit}）"),
    "expect-choice": ("one of {choices}", "下列之一：{choices}"),
    "expect-text": ("a text", "文字"),
    "expect-date": ("a date", "日期（不带时间）"),
    "expect-other": ("{type}", "{type}"),
    "expect-digits": ("a number of at most 34 digits", "不超过 34 位有效数字的数"),
    "expect-decimals": ("at most {decimals} decimals", "小数不超过 {decimals} 位"),
    "expect-at-least": ("at least {low}", "不小于 {low}"),
    "expect-at-most": ("at most {high}", "不大于 {high}"),
    "expect-between": ("a date from {low} to {high}", "{low} 至 {high} 之间的日期"),
    "expect-currency": ("{unit}, the currency of {field}", "{unit}（{field} 的币种）"),
}  # fmt: skip

UNITS: dict[str, tuple[str, str]] = {
    "day": ("day", "天"),
    "week": ("week", "周"),
    "month": ("month", "个月"),
    "year": ("year", "年"),
    "point": ("point", "分"),
    "time": ("time", "次"),
    "person": ("person", "人"),
}

CURRENCIES = {"CNY": "元", "USD": "美元", "EUR": "欧元", "HKD": "港元", "JPY": "日元", "GBP": "英镑"}


def say(lang: Language, key: str, **parts: object) -> str:
    """The words of `key` in the language, with its parts filled in; a full-width bracket needs no space after it."""
    if lang == "en":
        return WORDS[key][0].format(**parts)
    return WORDS[key][1].format(**parts).replace("） ", "）")
