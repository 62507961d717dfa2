"""What synthetic organisations, people and groups are called. The order is part of a plan: append, never sort."""

FIRST = (
    "Amber", "Autumn", "Blue", "Bright", "Cedar", "Clear", "Copper", "Coral", "Crystal", "Eastern", "Ember",
    "Evergreen", "Golden", "Granite", "Green", "Highland", "Indigo", "Ivory", "Juniper", "Lunar", "Maple", "Marble",
    "Meadow", "Midland", "Northern", "Oak", "Olive", "Opal", "Orchid", "Pacific", "Pearl", "Pine", "Prairie", "Quiet",
    "River", "Rowan", "Saffron", "Sapphire", "Sierra", "Silver", "Southern", "Spruce", "Sterling", "Summit", "Sunny",
    "Teal", "Timber", "Violet", "Western", "Willow",
)  # fmt: skip
SECOND = (
    "Analytics", "Bakery", "Bank", "Biotech", "Books", "Brewery", "Builders", "Cargo", "Chemicals", "Clinics", "Coffee",
    "Consulting", "Dairy", "Dental", "Dynamics", "Energy", "Farms", "Films", "Foods", "Freight", "Furniture", "Games",
    "Glass", "Health", "Hotels", "Insurance", "Labs", "Legal", "Logistics", "Marine", "Media", "Metals", "Mobility",
    "Motors", "Networks", "Optics", "Outfitters", "Paper", "Pharma", "Printing", "Rail", "Robotics", "Shipping",
    "Software", "Solar", "Studios", "Textiles", "Travel", "Utilities", "Waterworks",
)  # fmt: skip
GIVEN = (
    "Aisha", "Akira", "Alice", "Amara", "Ana", "Andrei", "Anna", "Ben", "Carlos", "Chidi", "Chloe", "Claire", "Daniel",
    "David", "Elena", "Elif", "Emma", "Erik", "Fatima", "Felix", "Grace", "Hana", "Hugo", "Ines", "Isaac", "Ivan",
    "James", "Jonas", "Julia", "Kenji", "Kofi", "Lars", "Laura", "Leila", "Liam", "Lucia", "Maria", "Mateo", "Maya",
    "Mei", "Milan", "Nadia", "Nina", "Noah", "Olga", "Omar", "Paul", "Priya", "Rafael", "Ravi", "Rosa", "Samuel",
    "Sara", "Sofia", "Tariq", "Theo", "Tomas", "Wei", "Yara", "Zoe",
)  # fmt: skip
FAMILY = (
    "Abara", "Adams", "Almeida", "Andersson", "Bauer", "Becker", "Bennett", "Bianchi", "Brandt", "Carter", "Castro",
    "Chen", "Cohen", "Costa", "Diallo", "Dubois", "Evans", "Fischer", "Fontaine", "Garcia", "Gupta", "Haddad", "Hansen",
    "Hassan", "Horvat", "Ibrahim", "Jansen", "Johnson", "Kaya", "Keller", "Khan", "Kim", "Kowalski", "Lange", "Larsen",
    "Lee", "Lopez", "Martin", "Mensah", "Meyer", "Moreau", "Mueller", "Nakamura", "Nguyen", "Novak", "Okafor", "Olsen",
    "Park", "Patel", "Petrov", "Ricci", "Rossi", "Santos", "Sato", "Schmidt", "Silva", "Singh", "Tanaka", "Walker",
    "Weber",
)  # fmt: skip
GROUPS = (
    "Administrators", "Staff", "Engineering", "Sales", "Finance", "Support", "Marketing", "Human Resources", "Legal",
    "Operations", "Design", "Research", "Purchasing", "Quality", "Security", "Facilities",
)  # fmt: skip
ROLES = {"Administrators": "admin", "Staff": "member", "Engineering": "member"}
"""Group → role, where the tenant has that group."""
