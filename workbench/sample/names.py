"""Invented people, companies and places, and what strangers type into forms."""

from __future__ import annotations

from workbench.sample.tables import texts

STYLES = ("en", "de", "fr")

FIRST = {
    "en": "Alice Amara Ben Bethany Callum Chloe Daniel Dylan Eleanor Ethan Freya Gareth Grace Harriet Hugo Imogen "
    "Isaac Jasmine Joel Kiran Leah Liam Maya Megan Nathan Niamh Oliver Owen Poppy Priya Rachel Rhys Rosie Ryan Sadie "
    "Samir Tessa Theo Violet Zach",
    "de": "Anja Arne Birgit Björn Carla Clemens Dörte Eike Elif Emil Franziska Friedrich Gesa Götz Hanna Heiko Ilse "
    "Ingo Jana Jörg Karin Kilian Käthe Lars Lena Lukas Mareike Mehmet Nils Nora Petra Ralf Sabine Sören Silke Tilo "
    "Ulrike Uwe Wiebke Yusuf",
    "fr": "Adèle Alix Amélie Antoine Axel Benoît Camille Cédric Chloé Clément Élise Éric Fanny François Gaël Hélène "
    "Hervé Inès Irène Jérôme Juliette Karim Léa Loïc Lucie Maëlle Marc Mathieu Nadia Noël Océane Pascal Quentin "
    "Rémi Sabine Sylvie Thaïs Théo Valérie Yann",
}
LAST = {
    "en": "Abbot Ashdown Barlow Birchall Brookes Calder Cartwell Dunmore Eastwick Ellery Fairholm Garnet Gladwin "
    "Harrowby Hartnell Inglewood Jessop Kendrick Kirkham Langdale Lockett Marlowe Merrick Netherby Norcross O'Dell "
    "Oakden Pemberly Quill Ravens Redfern Saltmarsh Selwyn Thackray Tolland Underhill Vance Wexley Whitlow Yardley",
    "de": "Ahlers Bachner Birkholz Brühl Dahlke Dornbach Eckhoff Färber Falkner Gärtner Grünfeld Hagemeier Holzner "
    "Imhoff Jäckel Kaltenbach Köppen Kranz Lindhorst Löwe Möhring Mayerhofer Nagelschmidt Oberhuber Özkan Pfeil "
    "Quast Rehbein Röder Sandvoß Schönfelder Steinmüller Tiefenbach Ullmann Vogelsang Wächter Weißhaupt Zander "
    "Ziegenhals Zeidler",
    "fr": "Aubrac Barrault Beauchêne Blancpré Cazenave Chastain Corbière Dautry Delorme Desprès Duvallon Estève "
    "Fauchère Ferrand Garrigue Gautherot Grandval Hébrard Imbault Jolivet Kermadec L'Hostis Lacombe Lefranc "
    "Maillard Mercœur Monteil Noirot Oudart Pélissier Perrault Quentin Rochebrune Sauvagnac Soulié Tessier Thévenet "
    "Vasseur Vernhes Ysambert",
}
PLACES = (  # country, style of its names, company form, telephone numbers kept for fiction, cities, weight
    (
        "Germany",
        "de",
        "GmbH",
        "+49 30 23125 {:03d}",
        "Berlin Hamburg München Köln Leipzig Münster Görlitz",
        26,
    ),
    ("Austria", "de", "GmbH", "+43 1 71888 {:03d}", "Wien Graz Linz", 6),
    ("Switzerland", "de", "AG", "+41 31 555 1 {:03d}", "Zürich Bern Basel", 6),
    ("United Kingdom", "en", "Ltd", "+44 20 7946 0{:03d}", "London Leeds Bristol Glasgow York", 18),
    ("United States", "en", "Inc.", "+1 202-555-0{:03d}", "Boston Austin Denver Chicago Portland", 16),
    ("Ireland", "en", "Ltd", "+353 20 911 0{:03d}", "Dublin Cork", 4),
    ("France", "fr", "SAS", "+33 1 99 00 1{:03d}", "Paris Lyon Nantes Lille Besançon Orléans", 16),
    ("Belgium", "fr", "SA", "+32 2 555 0 {:03d}", "Bruxelles Liège", 4),
    ("Canada", "fr", "inc.", "+1 613-555-0{:03d}", "Montréal Québec", 4),
)
INDUSTRIES = (
    ("Software", 24),
    ("Manufacturing", 16),
    ("Consulting", 12),
    ("Retail", 10),
    ("Financial Services", 10),
    ("Healthcare", 8),
    ("Education", 7),
    ("Logistics", 7),
    ("Media", 6),
)
DECIDES = texts(["Head of Sales", "Head of Marketing", "Director of Operations", "CEO", "Head of IT"])
ADVISES = texts(
    [
        "Sales Manager",
        "Marketing Manager",
        "Account Executive",
        "Product Manager",
        "Consultant",
        "Analyst",
        "Office Manager",
        "Developer",
        "Controller",
        "Campaign Specialist",
    ]
)
OWNERS = texts(
    [
        "Ada Lindqvist",
        "Bruno Keller",
        "Céline Marchand",
        "Dev Anand",
        "Ewa Nowicka",
        "Finn Harper",
        "Gül Demir",
        "Hugo Petit",
    ]
)
AGENTS = texts(["Ines Tramm", "Jonas Weir", "Kenza Oulad", "Lior Hale"])
FREE_MAIL = texts(["webpost.example", "freemail.example", "postfach.example", "boitealettres.example"])
CAMPUS = texts(["norwick", "altenried", "saint-orens", "eastmoor", "hohenfels"])
_FRONTS = (
    "Al Bel Cor Dra El Fen Gal Hes Il Jor Kal Lum Mar Nor Ob Per Quin Ros Sel Tar Ul Ver Wyn Xan Yel Zan Ard Bru Cal "
    "Dor Esk Fal Gri Hul Ing Jul Kri Lor Mun Nev Ost Pol Rau Ska Tru Und Vol Wes Zim Ash Bax Cre Dun Erd Fro Gan Hol "
    "Iv Jan Kor"
)
_BACKS = (
    "adane ario bant brix cella deon elis fira gorra hild ibor jona kova lune mira nexa orin pax quor rell sanda tiva "
    "uvia vant wick xera yond zett astra bolin corva dexa ellor fenn glint harn imba jarra kest lorn"
)
STEMS = tuple(dict.fromkeys(front + back for back in _BACKS.split() for front in _FRONTS.split()))
LINES = ("", "Systems", "Group", "Works", "Partners", "Digital", "Trade", "Labs")

HOSTILE = (  # field, text: typed into a form by strangers
    ("firstname", "=1+1"),
    ("lastname", "+SUM(A1:A9)"),
    ("company", "@home GmbH"),
    ("jobtitle", "-2+3"),
    ("firstname", "<script>alert('hello')</script>"),
    ("lastname", "<img src=x onerror=alert(1)>"),
    ("firstname", 'Robert "Bob"'),
    ("company", 'Quote " and, comma Ltd'),
    ("lastname", "'); DROP TABLE leads;--"),
    ("firstname", "🦊 Zoë 👩‍💻"),
    ("lastname", "\u202egnirts desrever"),
    ("firstname", "سارة"),
    ("lastname", "לוי"),
    ("jobtitle", "{{7*7}} ${7*7}"),
    ("company", '=HYPERLINK("https://stranger.example","click")'),
    ("firstname", "\tTab"),
    ("lastname", "A" * 300),
)
