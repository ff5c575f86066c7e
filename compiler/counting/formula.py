from dataclasses import dataclass
@dataclass
class Formula:
    text: str = ""
    legend: tuple = ()
    symbolic: bool = False
def formula_of(*a): return Formula()
