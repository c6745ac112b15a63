/**
 * What people call the things that agents do, in English and in Chinese.
 *
 * The embedding model that comes along reads English only, and BM25 knows no synonyms. This table
 * bridges both: words of one line count as one concept, so that a resume finds a CV, and 机票 finds
 * flights. One concept a line: English words, a bar, Chinese words. The first English word is what
 * a Chinese word is read as by the embedding model. A word may stand in several concepts. An
 * indented line goes on with the one before.
 *
 * Only words that mean the same, or a kind of it, belong here; never whole wishes, and no word that
 * more often means something else (a guide, a tool, a room).
 */
export const VOCABULARY = `
document, file, paper, docs, brochure, leaflet, flyer, certificate, booklet | 文档, 文件, 资料
PDF | PDF
markdown, md
Word, docx, office | Word文档
spreadsheet, excel, xlsx, csv, workbook | 表格, 电子表格
slides, presentation, powerpoint, deck, pptx, keynote, pitch, pitch deck, slideshow | PPT, 幻灯片,
  演示文稿, 演示, 课件
page, sheet | 页, 页面
convert, transform, export | 转换, 转成, 转为, 变成, 导出, 转
merge, combine, join, concatenate | 合并, 拼接
split, separate, cut, divide | 拆分, 分割, 切分
compress, shrink, smaller, reduce size | 压缩
sign, signature, e-signature | 签名, 签字, 签署
scan, scanned, OCR, optical character recognition | 扫描, 扫描件, 文字识别
handwriting, handwritten, scribble, decipher | 手写
extract, parse | 提取, 抽取, 录入
recognise, recognize, identify, detect | 识别, 辨识, 检测, 认出
form, questionnaire, survey, poll | 问卷, 调查, 表单
letter, mail, email, e-mail, inbox, message | 邮件, 电子邮件, 邮箱, 信件, 信
invoice, bill, accounts payable | 发票, 账单
receipt, expense, petty cash, reimbursement | 收据, 小票, 报销
text, words, writing, written | 文字, 文本, 文章, 字
article, essay, report | 文章, 报告, 作文, 论文
summary, summarize, summarise, condense, abstract, tldr, shorten, gist, digest, condensed, boil
  down | 总结, 摘要, 概括, 归纳
long, lengthy | 长
translate, translation, interpreter, interpret | 翻译, 译, 互译, 译成, 翻成, 译者, 中译英, 英译中
localize, localise, localization, localisation, i18n, l10n | 本地化, 国际化
language, linguistic | 语言, 外语
English | 英文, 英语, 英
Chinese, Mandarin, simplified Chinese, traditional Chinese | 中文, 汉语, 普通话, 国语, 中
Cantonese | 粤语, 广东话, 白话
Japanese | 日语, 日文
Korean | 韩语, 韩文
French | 法语, 法文
German | 德语, 德文
Spanish | 西班牙语
Russian | 俄语, 俄文
language, Portuguese, Italian, Polish, Arabic, Hindi, Dutch, Turkish, Vietnamese, Thai | 葡萄牙语,
  意大利语
language, French, German, Spanish, Japanese, Korean, Russian, Chinese, English
dialect, accent | 方言, 口音, 四川话
terminology, glossary, term | 术语
grammar, spelling, punctuation, proofread, typo, correct, mistakes, proofreading, copyedit | 语法,
  拼写, 校对, 错别字, 纠错
rewrite, paraphrase, rephrase, polish | 改写, 润色, 修改
plagiarism, copied, copying | 抄袭, 查重
AI, artificial intelligence, ChatGPT, LLM, machine-written | 人工智能, 大模型
speech, voice, spoken, speaking | 语音, 声音, 讲话
transcribe, transcription, transcript, speech to text, dictation, type up | 转写, 转文字, 文字稿, 听写, 听打
recording, record, audio recording, tape, cassette, dictaphone, voicemail | 录音
speaker | 说话人, 讲者
meeting, call, conference | 会议, 开会
minutes, action items, notes | 纪要, 会议记录, 待办, 笔记
read, reader, reading | 读, 阅读
read aloud, text to speech, TTS, voice over, voiceover, narration, narrate, audiobook, narrator |
  朗读, 配音, 语音合成, 读出来, 旁白
audio, sound, mp3, wav | 音频, 声音
podcast, radio | 播客, 电台
noise, hum, hiss, buzz, denoise, background noise, echo, reverb, crackle, wind noise | 噪音, 降噪, 杂音
music, song, tune, track, soundtrack, melody, jingle, instrumental, orchestra, guitar | 音乐, 歌曲,
  配乐, 曲子, 歌
vocals, singing, singer, karaoke, a cappella, vocalist, backing track | 人声, 演唱, 伴奏, 唱
compose, composer, composition | 作曲, 谱曲
image, picture, photo, photograph, photography, pic, snapshot, snap, snaps, selfie, pics | 图片, 照片,
  图像, 相片, 图
draw, drawing, illustration, paint, painting, illustrate, artwork, sketch, cover art, concept art,
  cartoon, comic | 画, 绘画, 插画, 绘制
generate, generation, create, produce | 生成, 创作, 制作
background, backdrop, white background | 背景
remove, erase, delete, get rid of | 去掉, 去除, 删除, 移除, 清除
transparent, cutout, cut out | 抠图, 透明
enlarge, upscale, bigger, resolution, sharpen | 放大, 高清, 清晰
blurry, blurred, pixelated | 模糊
restore, repair, fix, mend, faded, torn, damaged, scratched, scratches | 修复, 修理, 修补, 恢复
old, vintage | 老, 旧
face, facial, head | 人脸, 脸, 面部
person, people, human | 人, 人物
anonymize, anonymise, unrecognisable, recognisable, recognizable, pixelate | 匿名, 打码, 脱敏
tag, label, keyword, tagging, caption | 标签, 关键词, 标注, 话题标签
describe, description | 描述
alt text, screen reader, accessibility, blind, visually impaired | 无障碍, 盲人
logo, emblem, brand identity | 标志, 商标
brand, company name, trademark | 品牌, 商标
design, designer | 设计
colour, color, palette | 颜色, 配色
video, clip, movie, film, footage, vlog, webinar, YouTube | 视频, 短视频, 影片, 录像
edit, editing, trim, montage | 剪辑, 编辑
subtitle, subtitles, caption, captions, SRT, deaf, hard of hearing, closed captions | 字幕
animate, animation, motion | 动画
livestream, stream, streaming | 直播
highlight, shorts | 精彩, 集锦
script, screenplay, dialogue | 脚本, 剧本, 台词
code, coding, programming, software, program, developer, programmer | 代码, 编程, 程序, 软件, 写代码
review, inspect, examine | 审查, 审阅, 检查, 审核
pull request, PR, diff, merge request
write, draft, compose text | 写, 撰写, 起草, 写作
test, unit test, testing, coverage | 测试, 单元测试
bug, error, exception, crash, stack trace, debug, debugging, NullPointerException, TypeError,
  traceback, segfault, broken, debugger, fails | 报错, 错误, 异常, 调试, 崩溃
SQL, query, database, Postgres, PostgreSQL, MySQL, warehouse | 数据库, 查询
slow, performance, tuning, optimise, optimize, optimization | 优化, 性能, 慢
API, endpoint, REST, OpenAPI | 接口
documentation, manual, reference, instructions | 说明书, 文档, 手册
port, migrate, migration, legacy, modernise, modernize, jQuery, React, COBOL | 迁移, 移植, 重构
website, web site, web page, site, homepage, landing page | 网站, 网页, 主页
app, mobile app, application, Android, iOS | 应用, 手机应用
server, outage, incident, downtime, on-call, postmortem | 服务器, 故障, 宕机
log, logs, alert, monitoring | 日志, 告警, 监控
Kubernetes, pod, helm, container, docker, EKS, GKE, cluster, manifest | 容器
cloud, infrastructure, terraform, devops, deployment, deploy, AWS, Azure | 云, 部署, 运维
security, vulnerability, vulnerable, exploit, hack, penetration test, weakness, break in,
  intruder, attacker, pentest | 安全, 漏洞, 渗透测试, 黑客
dependency, package, library | 依赖
phishing, scam, suspicious, SMS, fake, fraudster, impersonation | 钓鱼, 诈骗, 骗子
fraud, fraudulent, stolen, chargeback, identity theft | 欺诈, 盗刷
spam, bot | 垃圾, 机器人
moderation, hateful, hate, abusive, offensive, toxic | 审核, 违规, 辱骂
privacy, personal data, PII, confidential | 隐私, 个人信息
redact, mask, black out, redaction | 脱敏, 遮盖, 涂黑
scrape, scraping, crawl, crawler, harvest, collect data, fetch pages | 采集, 抓取, 爬虫, 爬取, 收集
Taobao, JD, Pinduoduo, e-commerce, online shop, web shop, store, Amazon | 淘宝, 京东, 拼多多, 电商, 网店, 天猫
price, cost, pricing, fare | 价格, 价钱, 费用, 多少钱
cheap, cheapest, bargain, low price, affordable | 便宜, 特价, 实惠
compare, comparison, competitor, peer | 比较, 对比, 竞品
track, watch, monitor, notify | 跟踪, 监控, 提醒
research, investigate, find out, study | 研究, 调研, 调查
search, find, look up, finder | 搜索, 查找, 检索, 找
source, citation, cite, reference, bibliography | 引用, 参考文献, 出处, 来源
fact check, verify, verification, myth | 核实, 查证, 验真, 真假
science, scientific, scientist, academic, peer-reviewed, literature, studies, journal, researcher
  | 科学, 学术, 文献, 论文
patent, invention, prior art, invent, invented, inventor | 专利, 发明
news, headlines, digest, current events | 新闻, 资讯, 头条
industry, sector | 行业
copywriting, copy, advert, advertisement, ad, ads, advertising | 文案, 广告
headline, title | 标题
product, item, goods, merchandise | 商品, 产品, 货
marketing, promotion, campaign, sell, buyers | 营销, 推广, 带货, 卖点
SEO, search engine, Google ranking, ranking, search results, search term | 搜索引擎优化, 排名
social media, Instagram, TikTok, Facebook, Twitter, LinkedIn | 小红书, 抖音, 公众号, 微博, 朋友圈, 社交媒体, 种草
post, posts, posting | 帖子, 笔记, 发帖
lead, prospect, prospecting, outreach, cold email | 获客, 客户开发, 潜在客户
customer, client, buyer | 客户, 顾客
buy, purchase, shopping, shop | 买, 购买, 采购, 购物
customer support, support, helpdesk, customer service, ticket, round the clock, help desk, hotline
  | 客服, 售后
answer, reply, respond, response | 回答, 回复, 答复, 解答
question, ask | 问题, 提问, 题
chat, conversation, talk, speak | 聊天, 对话, 会话
sentiment, mood, opinion, feedback, positive, negative, complain, complaint, complaints,
  satisfaction | 情感, 情绪, 评价
comment, review, rating | 评论, 评价
resume, CV, curriculum vitae, cover letter, job application, job hunting, career | 简历, 求职信, 应聘, 求职
job, vacancy, position, role | 职位, 岗位, 工作
hire, hiring, recruit, recruiting, recruiter, candidate, applicant, applicants, hiring manager |
  招聘, 候选人, 面试
interview | 面试, 采访
contract, agreement, lease, deal, NDA, non-disclosure agreement, employment contract, small print,
  fine print | 合同, 协议, 租约
clause, terms, terms of service | 条款
risk, trap, pitfall, unfair | 风险, 坑, 陷阱
legal, law, lawyer, attorney, court | 法律, 律师, 法务
rent, lease, rental, tenant, landlord, flat, apartment | 租房, 租赁, 出租, 房租
labour, labor, employment, employee, worker, overtime, severance | 劳动, 员工, 加班费, 离职, 补偿, 赔偿, 仲裁, 辞退
testament, inheritance, last will, estate, heir | 遗嘱, 继承
tax, taxes, IRS, income tax, VAT, deduction, tax return, refund, tax refund, fiscal | 税, 报税, 税务,
  个税, 增值税, 所得税, 纳税, 申报
freelancer, self-employed, contractor | 自由职业
bookkeeping, accounting, accountant, bookkeeper, ledger, books | 记账, 会计, 财务, 账
bank, transaction, transactions, bank statement | 银行, 流水, 交易
balance sheet, profit and loss, cash flow, financial statement, income statement | 资产负债表, 利润表, 报表
stock, shares, equity, listed company, stock market, ticker, Nasdaq, Wall Street | 股票, 股市, 上市公司
earnings, quarterly results, filings | 财报, 业绩
invest, investment, investor | 投资, 理财
crypto, cryptocurrency, Bitcoin, Ethereum, Solana, ETH, blockchain, on-chain | 加密货币, 以太坊, 比特币,
  区块链, 币
wallet, address | 钱包, 地址
smart contract, Solidity | 智能合约
credit card, card payment, checkout, payment | 信用卡, 支付, 付款
company, business, firm, enterprise, startup, corporate | 公司, 企业, 小微企业
sales, revenue, turnover, selling | 销售, 销量, 销售额, 营收
forecast, predict, prediction, projection, estimate, next quarter, next year | 预测, 预报, 预估
demand, seasonal, time series | 需求
data, dataset, table | 数据, 数据集
clean, cleaning, deduplicate, duplicate, duplicates, normalise, tidy, messy, dirty, standardise,
  standardize | 清理, 清洗, 去重, 重复
chart, graph, plot, diagram, visualization, visualisation, visualise | 图表, 可视化, 柱状图, 折线图
dashboard | 仪表盘, 看板
machine learning, model, train, classifier, predictive, AutoML, churn, default risk | 机器学习, 模型, 训练
embedding, embeddings, vector, vectors, semantic search | 向量, 嵌入, 语义
rank, rerank, relevance, relevant, order by | 排序, 重排
travel, trip, itinerary, journey, holiday, vacation, sightseeing, city break, backpacking,
  honeymoon | 旅行, 旅游, 行程, 出游, 度假, 游玩, 景点
plan, planner, planning, schedule | 计划, 规划, 安排, 方案
flight, flights, airline, airfare, plane, fly, air fare, airport, long haul, air travel | 机票, 航班,
  飞机, 飞
hotel, accommodation, hostel, stay, lodging, B&B, bed and breakfast, Airbnb, holiday flat | 酒店,
  住宿, 宾馆, 民宿
train, rail, railway | 高铁, 火车, 列车
visa, passport, entry requirements | 签证, 护照
ticket, tickets | 门票, 票
book, booking, reserve, reservation, appointment | 预订, 预约, 订
restaurant, dining, table, menu, cafe | 餐厅, 饭店
weather, rain, snow, temperature, sunny, storm, umbrella, sunshine | 天气, 下雨, 气温, 下雪, 雨
map, maps, geocoding, coordinates, location | 地图, 坐标, 位置
route, routing, directions, stops, delivery round | 路线, 导航
delivery, deliver, parcel, shipping, freight, shipment, courier, send, pallet, cargo, postage |
  快递, 物流, 运费, 发货, 寄, 包裹
customs, tariff, import, export duty, HS code | 海关, 关税, 报关, 进口
recipe, cook, cooking, dish, ingredients, meal, leftover, leftovers, dinner, lunch, breakfast,
  chicken, bake, pantry | 菜谱, 食谱, 做菜, 烹饪, 做饭
food, eat, diet, nutrition | 食物, 吃, 饮食, 美食, 食疗, 营养
fitness, workout, exercise, gym, running, marathon, strength, muscle, bench press, lose weight,
  jog, jogging, weightlifting, cycling | 健身, 锻炼, 跑步, 运动
health, wellness, well-being | 健康, 养生, 调理
symptom, pain, ache, headache, fever, ill, sick, dizzy, cough, sore, rash, swollen, nausea | 症状,
  疼, 头疼, 发烧, 不舒服
doctor, physician, medical, clinic, clinical, patient, hospital | 医生, 医疗, 病人, 医院
diagnosis, diagnose | 诊断
blood test, lab value, cholesterol, lab report | 化验, 体检, 血检
traditional Chinese medicine, herbal, TCM | 中医, 中药, 体质
ICD, CPT, medical coding, billing code | 医疗编码
medicine, drug, medication | 药
maths, math, mathematics, algebra, geometry, fractions, calculus, arithmetic, multiplication,
  equation, trigonometry, percentages | 数学, 几何, 代数
physics, chemistry, biology | 物理, 化学, 生物
tutor, teach, tutoring, teacher, lesson, learn, learner, homework, tuition | 辅导, 老师, 讲题, 讲解, 教,
  学习, 作业
child, children, kid, kids, daughter, son, baby | 孩子, 小孩, 宝宝, 女儿, 儿子
student, pupil, school, class | 学生, 学校, 小学, 初中, 高中
grade, grading, mark, score, marking | 打分, 评分, 批改, 阅卷
exercise, quiz, exam, practise, practice | 练习, 考试, 题目
house, home, property, real estate, bedroom, mortgage, estate agent | 房子, 房产, 房屋, 房价
value, worth, valuation, appraisal | 估值, 估价, 值
room, living room, interior, furniture, decor, redecorate | 房间, 客厅, 家具, 装修, 室内
garden, plant, flower, crop, tomato, leaf, leaves, basil, houseplant | 植物, 花, 园艺, 叶子
disease, pest, infection, mould, fungus, wilting | 病虫害, 疾病
CAD, 3D print, 3D printing, STL, mechanical part, spare part, prototype, blueprint | 3D打印, 零件, 建模
circuit, PCB, circuit board, electronics, schematic, Arduino, solder | 电路板, 电路, 电子
gift, present, presents, surprise, souvenir | 礼物, 送礼, 礼品
birthday, anniversary, occasion, Christmas, Valentine | 生日, 纪念日
game, gaming, video game | 游戏
role-playing, tabletop, D&D, dungeon, Dungeons and Dragons | 跑团, 角色扮演
chess | 象棋, 国际象棋, 棋
story, tale, novel, fiction, bedtime story, bedtime | 故事, 小说, 童话
poem, poetry, poetic | 诗, 诗词, 诗意
name, naming | 名字, 起名, 取名, 命名
family, ancestor, ancestors, genealogy, family tree, surname, descendants, grandfather,
  grandmother | 家谱, 祖先, 家族
emissions, CO2, carbon, greenhouse gas, climate, environmental, sustainability, climate impact |
  碳排放, 碳, 排放
energy, electricity | 能源, 电力
calendar, meeting time, schedule meeting, availability, time slot, time zones | 日历, 日程, 时间安排
phone, phone call, telephone, dial, call, ring, on hold, call center | 电话, 打电话
daily, every day | 每天, 每日
monthly, month | 每月, 月
today, yesterday, tomorrow | 今天, 昨天, 明天
professional, expert | 专业
assistant | 帮忙, 助手
analyse, analyze, analysis, analytics | 分析
explain, explanation | 解释, 讲解, 说明
suggest, recommend, recommendation, idea, ideas, suggestion | 建议, 推荐, 点子
calculate, compute, calculation | 计算
amount, total, sum | 金额, 总额
`;
