"""What DDXPlus says only in English and French, in Chinese as well: the names of its conditions.

Questions and options stay English in both: DDXPlus is a benchmark set and no person consults by it.
"""

from __future__ import annotations

CONDITIONS = {
    "Acute COPD exacerbation / infection": "慢阻肺急性加重/感染",
    "Acute dystonic reactions": "急性肌张力障碍反应",
    "Acute laryngitis": "急性喉炎",
    "Acute otitis media": "急性中耳炎",
    "Acute pulmonary edema": "急性肺水肿",
    "Acute rhinosinusitis": "急性鼻窦炎",
    "Allergic sinusitis": "过敏性鼻窦炎",
    "Anaphylaxis": "严重过敏反应",
    "Anemia": "贫血",
    "Atrial fibrillation": "心房颤动",
    "Boerhaave": "自发性食管破裂",
    "Bronchiectasis": "支气管扩张",
    "Bronchiolitis": "毛细支气管炎",
    "Bronchitis": "支气管炎",
    "Bronchospasm / acute asthma exacerbation": "支气管痉挛/哮喘急性发作",
    "Chagas": "恰加斯病",
    "Chronic rhinosinusitis": "慢性鼻窦炎",
    "Cluster headache": "丛集性头痛",
    "Croup": "急性喉气管支气管炎",
    "Ebola": "埃博拉病毒病",
    "Epiglottitis": "会厌炎",
    "GERD": "胃食管反流病",
    "Guillain-Barré syndrome": "吉兰-巴雷综合征",
    "HIV (initial infection)": "HIV急性感染",
    "Influenza": "流行性感冒",
    "Inguinal hernia": "腹股沟疝",
    "Larygospasm": "喉痉挛",
    "Localized edema": "局部水肿",
    "Myasthenia gravis": "重症肌无力",
    "Myocarditis": "心肌炎",
    "PSVT": "阵发性室上性心动过速",
    "Pancreatic neoplasm": "胰腺肿瘤",
    "Panic attack": "惊恐发作",
    "Pericarditis": "心包炎",
    "Pneumonia": "肺炎",
    "Possible NSTEMI / STEMI": "疑似心肌梗死",
    "Pulmonary embolism": "肺栓塞",
    "Pulmonary neoplasm": "肺部肿瘤",
    "SLE": "系统性红斑狼疮",
    "Sarcoidosis": "结节病",
    "Scombroid food poisoning": "鲭鱼中毒",
    "Spontaneous pneumothorax": "自发性气胸",
    "Spontaneous rib fracture": "自发性肋骨骨折",
    "Stable angina": "稳定型心绞痛",
    "Tuberculosis": "结核病",
    "URTI": "上呼吸道感染",
    "Unstable angina": "不稳定型心绞痛",
    "Viral pharyngitis": "病毒性咽炎",
    "Whooping cough": "百日咳",
}


def question(english: str) -> dict[str, str]:
    """In both languages."""
    return {"en": english, "zh": english}


def short(words: dict[str, str]) -> dict[str, str]:
    """A question's own words, as far as a table shows them."""
    return {language: text[:80].rstrip("?:") for language, text in words.items()}


def option(english: str) -> dict[str, str]:
    """In both languages."""
    return {"en": english, "zh": english}
